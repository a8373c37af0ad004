-- it: La storia di una struttura: ogni stato che ha attraversato, da quando a quando, e l'atto che ve l'ha portata
-- en: The history of one facility: each state it went through, from when to when, and the act that brought it there
SELECT s.asse, s.stato, s.dal, s.al, p.tipo AS atto, p.numero_atto, p.organo, p.posti
FROM assa.stati s JOIN assa.provvedimenti p ON p.id_provvedimento = s.id_provvedimento
WHERE s.codice_struttura = 'S058091-0001'
ORDER BY s.asse, s.dal

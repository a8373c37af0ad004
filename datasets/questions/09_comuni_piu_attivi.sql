-- it: I venti comuni con più accessi ogni mille residenti, tra quelli con almeno mille abitanti
-- en: The twenty municipalities with most accesses per thousand residents, among those of at least a thousand people
WITH residenti AS (
  SELECT codice_istat, sum(totale) AS residenti FROM territorio.popolazione WHERE anno = 2023 GROUP BY codice_istat
)
SELECT c.comune, c.ambito, r.residenti, count(*) AS accessi, CAST(1000 * count(*) AS double precision) / r.residenti AS per_mille
FROM sigess.accessi a
JOIN territorio.comuni c ON c.codice_istat = a.codice_istat
JOIN residenti r ON r.codice_istat = a.codice_istat
WHERE r.residenti >= 1000
GROUP BY c.comune, c.ambito, r.residenti
ORDER BY per_mille DESC, c.comune
LIMIT 20

-- The outcome of each act on each axis; an act that changes no state is neutral and opens no interval.
WITH esiti AS (
  SELECT asse, atto, min(a) AS a, min(alla_scadenza) AS alla_scadenza, bool_and(da = a AND alla_scadenza IS NULL) AS neutro FROM assa.transizioni GROUP BY asse, atto
),
-- Acts that change a state, in their order, with the day of the next one and the day on which their own term is over.
atti AS (
  SELECT p.codice_struttura, p.codice_istat, p.ambito, p.id_provvedimento, e.asse, e.a AS stato, e.alla_scadenza, p.data_effetto AS dal,
    CAST((CASE WHEN p.tipo = 'diffida' THEN p.termine_adempimento ELSE p.data_fine_effetto END) + INTERVAL '1' DAY AS DATE) AS scade,
    lead(p.data_effetto) OVER (PARTITION BY p.codice_struttura, e.asse ORDER BY p.data_effetto, p.data_atto, p.id_provvedimento) AS prossimo,
    count(CASE WHEN e.a <> 'cessato' THEN 1 END) OVER (PARTITION BY p.codice_struttura, e.asse ORDER BY p.data_effetto, p.data_atto, p.id_provvedimento
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS precedenti
  FROM assa.provvedimenti p
  JOIN esiti e ON e.atto = p.tipo AND NOT e.neutro
),
-- An accreditation that never was does not end with the authorisation.
veri AS (
  SELECT *, alla_scadenza IS NOT NULL AND scade IS NOT NULL AND (prossimo IS NULL OR scade < prossimo) AS scaduto
  FROM atti
  WHERE precedenti > 0
),
intervalli AS (
  SELECT codice_struttura, codice_istat, ambito, asse, stato, dal, CASE WHEN scaduto THEN scade ELSE prossimo END AS al, id_provvedimento FROM veri
  UNION ALL
  SELECT codice_struttura, codice_istat, ambito, asse, alla_scadenza AS stato, scade AS dal, prossimo AS al, id_provvedimento FROM veri WHERE scaduto
)
SELECT codice_struttura, codice_istat, ambito, asse, stato, dal, al, id_provvedimento
FROM intervalli
WHERE al IS NULL OR dal < al

-- it: Quanto si controlla: strutture aperte, quante ispezionate negli ultimi tre anni, e quante ispezioni non sono andate bene
-- en: How much is inspected: open facilities, how many were inspected in the last three years, and how many inspections went wrong
WITH controlli AS (
  SELECT codice_struttura, count(*) AS ispezioni, count(*) FILTER (WHERE esito <> 'conforme') AS irregolari
  FROM assa.ispezioni WHERE data_esecuzione BETWEEN DATE '2023-11-01' AND DATE '2026-10-31' GROUP BY codice_struttura
)
SELECT s.ambito, count(*) AS strutture, count(c.codice_struttura) AS ispezionate, coalesce(sum(c.ispezioni), 0) AS ispezioni,
  coalesce(sum(c.irregolari), 0) AS irregolari, CAST(100 * (count(*) - count(c.codice_struttura)) AS double precision) / count(*) AS percento_senza_controlli
FROM assa.strutture s LEFT JOIN controlli c ON c.codice_struttura = s.codice_struttura
WHERE s.data_cessazione IS NULL
GROUP BY s.ambito
ORDER BY s.ambito

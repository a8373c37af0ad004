WITH attivi AS (
  SELECT DISTINCT codice_istat, ambito, anno FROM sirse.servizi
),
distretti AS (
  SELECT DISTINCT ambito, anno FROM attivi
)
SELECT c.codice_istat, c.ambito, d.anno, CASE WHEN a.codice_istat IS NULL THEN 0 ELSE 1 END AS numeratore, 1 AS denominatore
FROM territorio.comuni c
JOIN distretti d ON d.ambito = c.ambito
LEFT JOIN attivi a ON a.codice_istat = c.codice_istat AND a.anno = d.anno

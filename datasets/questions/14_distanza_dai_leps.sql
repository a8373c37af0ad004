-- it: Quanto manca ai livelli essenziali: per ogni distretto gli indicatori raggiunti e quelli mancati, e il più lontano dall'obiettivo
-- en: How far the essential levels are: for each district the indicators met and missed, and the one farthest from its target
WITH valori AS (
  SELECT 'LEPS-01' AS leps, codice, valore, bersaglio FROM leps.assistenti_sociali WHERE livello = 'ambito' AND anno = 2025
  UNION ALL SELECT 'LEPS-02', codice, valore, bersaglio FROM leps.copertura_nido WHERE livello = 'ambito' AND anno = 2025
  UNION ALL SELECT 'LEPS-03', codice, valore, bersaglio FROM leps.comuni_con_servizio WHERE livello = 'ambito' AND anno = 2025
  UNION ALL SELECT 'LEPS-05', codice, valore, bersaglio FROM leps.pronto_intervento_h24 WHERE livello = 'ambito' AND anno = 2025
  UNION ALL SELECT 'LEPS-15', codice, valore, bersaglio FROM leps.supervisione WHERE livello = 'ambito' AND anno = 2025
  UNION ALL SELECT 'LEPS-18', codice, valore, bersaglio FROM leps.residenza_fittizia WHERE livello = 'ambito' AND anno = 2025
), quote AS (
  SELECT leps, codice, CAST(valore AS double precision) / CAST(bersaglio AS double precision) AS quota
  FROM valori WHERE valore IS NOT NULL AND bersaglio > 0
), ordinate AS (
  SELECT leps, codice, quota, row_number() OVER (PARTITION BY codice ORDER BY quota, leps) AS posto FROM quote
)
SELECT codice AS ambito, count(*) AS indicatori, count(*) FILTER (WHERE quota >= 1) AS raggiunti, count(*) FILTER (WHERE quota < 1) AS mancati,
  max(leps) FILTER (WHERE posto = 1) AS piu_lontano, min(quota) AS quota_raggiunta
FROM ordinate
GROUP BY codice
ORDER BY quota_raggiunta, ambito

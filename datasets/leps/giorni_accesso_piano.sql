WITH primi AS (
  SELECT ambito, id_caso, min(data_firma) AS firma FROM sigess.piani_individuali GROUP BY ambito, id_caso
),
tempi AS (
  SELECT k.ambito, p.firma, CAST(extract(year FROM p.firma) AS BIGINT) AS anno,
    CAST((extract(epoch FROM p.firma) - extract(epoch FROM s.data_accesso)) / 86400 AS BIGINT) AS valore
  FROM sigess.casi k
  JOIN sigess.accessi s ON s.ambito = k.ambito AND s.id_scheda = k.id_scheda
  JOIN primi p ON p.ambito = k.ambito AND p.id_caso = k.id_caso
)
SELECT t.ambito, t.anno, t.valore, count(*) AS conteggio
FROM tempi t
JOIN anni a ON a.anno = t.anno AND t.firma <= a.riferimento
GROUP BY t.ambito, t.anno, t.valore

-- Permanent contracts with municipalities, associated bodies, or health bodies on their behalf; all other staff does not count.
WITH trasmessi AS (
  SELECT ambito, anno,
    sum(CASE WHEN assistente_sociale AND contratto = 'indeterminato' AND tipo_ente IN ('comune', 'consorzio', 'asl') THEN tempo_pieno ELSE 0 END) AS tempo_pieno
  FROM piani_zona.risorse_umane
  GROUP BY ambito, anno
),
abitanti AS (
  SELECT ambito, anno, min(anno_popolazione) AS anno_popolazione, sum(residenti) AS residenti
  FROM residenti
  GROUP BY ambito, anno
)
SELECT t.ambito, t.anno, a.anno_popolazione, t.tempo_pieno AS numeratore, a.residenti AS denominatore
FROM trasmessi t
JOIN abitanti a ON a.ambito = t.ambito AND a.anno = t.anno

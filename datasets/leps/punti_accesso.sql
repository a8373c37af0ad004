WITH punti AS (
  SELECT ambito, anno, coalesce(max(CASE WHEN codice_voce = 'prov-segretariato_pua' THEN punti_accesso END), 0) AS punti
  FROM piani_zona.interventi_programmati
  GROUP BY ambito, anno
),
abitanti AS (
  SELECT ambito, anno, min(anno_popolazione) AS anno_popolazione, sum(residenti) AS residenti
  FROM residenti
  GROUP BY ambito, anno
)
SELECT p.ambito, p.anno, a.anno_popolazione, p.punti AS numeratore, a.residenti AS denominatore
FROM punti p
JOIN abitanti a ON a.ambito = p.ambito AND a.anno = p.anno

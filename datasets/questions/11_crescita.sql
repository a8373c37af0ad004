-- it: Di quanto sono cresciuti gli accessi da gennaio a ottobre, rispetto allo stesso periodo dell'anno prima
-- en: How much accesses grew from January to October over the same months of the year before
WITH per_anno AS (
  SELECT ambito,
    count(*) FILTER (WHERE data_accesso BETWEEN DATE '2025-01-01' AND DATE '2025-10-31') AS anno_2025,
    count(*) FILTER (WHERE data_accesso BETWEEN DATE '2026-01-01' AND DATE '2026-10-31') AS anno_2026
  FROM sigess.accessi
  GROUP BY ambito
)
SELECT ambito, anno_2025, anno_2026, CAST(100 * (anno_2026 - anno_2025) AS double precision) / nullif(anno_2025, 0) AS crescita_percento
FROM per_anno
ORDER BY ambito

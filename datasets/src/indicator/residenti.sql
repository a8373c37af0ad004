-- Residents of each municipality in each year: those of the last known 1 January that is not later, else of the first known.
-- From 3 to 36 months: of the first year of life the nine months from the third on.
WITH noti AS (
  SELECT DISTINCT anno FROM territorio.popolazione
),
usati AS (
  SELECT a.anno, coalesce(max(CASE WHEN n.anno <= a.anno THEN n.anno END), min(n.anno)) AS anno_popolazione
  FROM anni a
  CROSS JOIN noti n
  GROUP BY a.anno
),
eta AS (
  SELECT codice_istat, anno,
    sum(totale) AS residenti,
    sum(CASE WHEN eta = 0 THEN totale ELSE 0 END) AS primo_anno,
    sum(CASE WHEN eta IN (1, 2) THEN totale ELSE 0 END) AS da_1_a_2,
    sum(CASE WHEN eta < 18 THEN totale ELSE 0 END) AS minori,
    sum(CASE WHEN eta BETWEEN 18 AND 64 THEN totale ELSE 0 END) AS da_18_a_64,
    sum(CASE WHEN eta >= 65 THEN totale ELSE 0 END) AS da_65
  FROM territorio.popolazione
  GROUP BY codice_istat, anno
)
SELECT c.codice_istat, c.ambito, u.anno, u.anno_popolazione,
  CAST(e.residenti AS DECIMAL(18,2)) AS residenti,
  CAST(e.primo_anno * 0.75 + e.da_1_a_2 AS DECIMAL(18,2)) AS da_3_a_36_mesi,
  CAST(e.minori AS DECIMAL(18,2)) AS minori,
  CAST(e.da_18_a_64 AS DECIMAL(18,2)) AS da_18_a_64,
  CAST(e.da_65 AS DECIMAL(18,2)) AS da_65
FROM usati u
JOIN eta e ON e.anno = u.anno_popolazione
JOIN territorio.comuni c ON c.codice_istat = e.codice_istat

WITH accolti AS (
  SELECT i.codice_istat, a.anno, count(DISTINCT i.id_persona) AS minori,
    count(DISTINCT CASE WHEN i.codice_voce = 'prov-affido' THEN i.id_persona END) AS affidi
  FROM sigess.interventi i
  JOIN anni a ON i.data_inizio <= a.riferimento AND (i.data_fine IS NULL OR i.data_fine >= a.riferimento)
  WHERE i.codice_voce IN ('prov-affido', 'prov-residenze_minori')
  GROUP BY i.codice_istat, a.anno
),
distretti AS (
  SELECT DISTINCT ambito, CAST(extract(year FROM data_richiesta) AS BIGINT) AS anno FROM sigess.interventi
)
SELECT r.codice_istat, r.ambito, r.anno, r.anno_popolazione, coalesce(m.minori, 0) AS numeratore, r.minori AS denominatore, coalesce(m.affidi, 0) AS affidi
FROM residenti r
JOIN distretti d ON d.ambito = r.ambito AND d.anno = r.anno
LEFT JOIN accolti m ON m.codice_istat = r.codice_istat AND m.anno = r.anno

WITH validi AS (
  SELECT DISTINCT p.ambito, p.id_caso, a.anno
  FROM sigess.piani_individuali p
  JOIN anni a ON p.valido_dal <= a.riferimento AND p.valido_al >= a.riferimento AND (p.data_chiusura IS NULL OR p.data_chiusura > a.riferimento)
),
aperti AS (
  SELECT k.codice_istat, k.ambito, k.id_caso, a.anno
  FROM sigess.casi k
  JOIN anni a ON k.data_apertura <= a.riferimento AND (k.data_chiusura IS NULL OR k.data_chiusura > a.riferimento)
)
SELECT k.codice_istat, k.ambito, k.anno, count(v.id_caso) AS numeratore, count(*) AS denominatore
FROM aperti k
LEFT JOIN validi v ON v.ambito = k.ambito AND v.id_caso = k.id_caso AND v.anno = k.anno
GROUP BY k.codice_istat, k.ambito, k.anno

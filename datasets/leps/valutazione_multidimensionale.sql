WITH prime AS (
  SELECT ambito, id_caso, min(data_valutazione) AS prima FROM sigess.valutazioni GROUP BY ambito, id_caso
),
complessi AS (
  SELECT k.ambito, k.id_persona, k.data_apertura, k.data_chiusura, p.prima
  FROM sigess.casi k
  LEFT JOIN prime p ON p.ambito = k.ambito AND p.id_caso = k.id_caso
  WHERE k.complesso
)
SELECT k.ambito, a.anno, count(DISTINCT CASE WHEN k.prima <= a.riferimento THEN k.id_persona END) AS numeratore, count(DISTINCT k.id_persona) AS denominatore
FROM complessi k
JOIN anni a ON k.data_apertura <= a.riferimento AND (k.data_chiusura IS NULL OR k.data_chiusura >= a.inizio)
GROUP BY k.ambito, a.anno

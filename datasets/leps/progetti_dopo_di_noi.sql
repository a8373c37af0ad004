WITH progetti AS (
  SELECT DISTINCT p.ambito, a.anno, p.id_persona
  FROM sigess.piani_individuali p
  JOIN anni a ON p.valido_dal <= a.riferimento AND p.valido_al >= a.riferimento AND (p.data_chiusura IS NULL OR p.data_chiusura > a.riferimento)
  WHERE p.tipo IN ('dopo_di_noi', 'vita_indipendente') AND p.budget_finanziato
),
prime AS (
  SELECT ambito, id_caso, min(data_valutazione) AS prima FROM sigess.valutazioni WHERE livello IN ('grave', 'gravissima') GROUP BY ambito, id_caso
),
gravi AS (
  SELECT DISTINCT k.ambito, a.anno, k.id_persona
  FROM sigess.casi k
  JOIN prime v ON v.ambito = k.ambito AND v.id_caso = k.id_caso
  JOIN anni a ON v.prima <= a.riferimento AND (k.data_chiusura IS NULL OR k.data_chiusura > a.riferimento)
  WHERE k.utenza = 'disabili'
),
persone AS (
  SELECT ambito, anno, id_persona, 1 AS progetto FROM progetti
  UNION ALL
  SELECT ambito, anno, id_persona, 0 AS progetto FROM gravi
)
SELECT ambito, anno, count(DISTINCT CASE WHEN progetto = 1 THEN id_persona END) AS numeratore, count(DISTINCT id_persona) AS denominatore
FROM persone
GROUP BY ambito, anno

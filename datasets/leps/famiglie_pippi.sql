-- A district that sent interventions of the year and none of this kind has no family in the programme.
WITH trasmessi AS (
  SELECT DISTINCT ambito, CAST(extract(year FROM data_richiesta) AS BIGINT) AS anno FROM sigess.interventi
),
famiglie AS (
  SELECT ambito, ciclo_pippi AS anno, count(DISTINCT id_caso) AS famiglie
  FROM sigess.interventi
  WHERE codice_voce = 'prov-pippi' AND esito = 'concesso'
  GROUP BY ambito, ciclo_pippi
)
SELECT t.ambito, t.anno, coalesce(f.famiglie, 0) AS numeratore, 10 AS denominatore
FROM trasmessi t
LEFT JOIN famiglie f ON f.ambito = t.ambito AND f.anno = t.anno

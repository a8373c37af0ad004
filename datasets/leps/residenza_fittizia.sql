WITH piani AS (
  SELECT ambito, anno, coalesce(max(CASE WHEN codice_voce = 'prov-residenza_fittizia' THEN comuni_attivi END), 0) AS attivi,
    coalesce(sum(CASE WHEN codice_voce = 'prov-residenza_fittizia' THEN utenti_serviti END), 0) AS persone
  FROM piani_zona.interventi_programmati
  GROUP BY ambito, anno
),
comuni AS (
  SELECT ambito, count(*) AS comuni FROM territorio.comuni GROUP BY ambito
)
SELECT p.ambito, p.anno, p.attivi AS numeratore, c.comuni AS denominatore, p.persone
FROM piani p
JOIN comuni c ON c.ambito = p.ambito

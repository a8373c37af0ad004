-- Deliveries, the largest table there is, are read once: whether a district has any is counted over its municipalities.
WITH educativa AS (
  SELECT ambito, id_intervento FROM sigess.interventi WHERE codice_voce = 'prov-educativa_domiciliare'
),
serviti AS (
  SELECT e.codice_istat, e.ambito, a.anno, e.id_persona
  FROM sigess.erogazioni e
  JOIN educativa i ON i.ambito = e.ambito AND i.id_intervento = e.id_intervento
  JOIN anni a ON a.anno = CAST(extract(year FROM e.data_inizio) AS BIGINT) AND e.data_inizio <= a.riferimento
  WHERE e.stato <> 'annullata'
  GROUP BY e.codice_istat, e.ambito, a.anno, e.id_persona
),
giovani AS (
  SELECT s.codice_istat, s.anno, count(CASE WHEN s.anno - p.anno_nascita < 18 THEN 1 END) AS persone
  FROM serviti s
  LEFT JOIN sigess.persone p ON p.ambito = s.ambito AND p.id_persona = s.id_persona
  GROUP BY s.codice_istat, s.anno
),
comuni AS (
  SELECT r.*, z.persone, count(z.persone) OVER (PARTITION BY r.ambito, r.anno) AS serviti_nel_distretto
  FROM residenti r
  LEFT JOIN giovani z ON z.codice_istat = r.codice_istat AND z.anno = r.anno
)
SELECT r.codice_istat, r.ambito, r.anno, r.anno_popolazione, coalesce(r.persone, 0) AS numeratore, r.minori AS denominatore
FROM comuni r
WHERE r.serviti_nel_distretto > 0

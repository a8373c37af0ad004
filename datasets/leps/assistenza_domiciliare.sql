-- Deliveries, the largest table there is, are read once: whether a district has any is counted over its municipalities.
WITH sad AS (
  SELECT ambito, id_intervento FROM sigess.interventi WHERE codice_voce = 'prov-assistenza_domiciliare'
),
serviti AS (
  SELECT e.codice_istat, e.ambito, a.anno, e.id_persona
  FROM sigess.erogazioni e
  JOIN sad i ON i.ambito = e.ambito AND i.id_intervento = e.id_intervento
  JOIN anni a ON a.anno = CAST(extract(year FROM e.data_inizio) AS BIGINT) AND e.data_inizio <= a.riferimento
  WHERE e.stato <> 'annullata'
  GROUP BY e.codice_istat, e.ambito, a.anno, e.id_persona
),
anziani AS (
  SELECT s.codice_istat, s.anno, count(CASE WHEN s.anno - p.anno_nascita >= 65 THEN 1 END) AS persone
  FROM serviti s
  LEFT JOIN sigess.persone p ON p.ambito = s.ambito AND p.id_persona = s.id_persona
  GROUP BY s.codice_istat, s.anno
),
comuni AS (
  SELECT r.*, z.persone, count(z.persone) OVER (PARTITION BY r.ambito, r.anno) AS serviti_nel_distretto
  FROM residenti r
  LEFT JOIN anziani z ON z.codice_istat = r.codice_istat AND z.anno = r.anno
)
SELECT r.codice_istat, r.ambito, r.anno, r.anno_popolazione, coalesce(r.persone, 0) AS numeratore, r.da_65 AS denominatore
FROM comuni r
WHERE r.serviti_nel_distretto > 0

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
  SELECT s.codice_istat, s.anno, count(*) AS persone
  FROM serviti s
  JOIN sigess.persone p ON p.ambito = s.ambito AND p.id_persona = s.id_persona
  WHERE s.anno - p.anno_nascita >= 65
  GROUP BY s.codice_istat, s.anno
),
distretti AS (
  SELECT DISTINCT ambito, anno FROM serviti
)
SELECT r.codice_istat, r.ambito, r.anno, r.anno_popolazione, coalesce(z.persone, 0) AS numeratore, r.da_65 AS denominatore
FROM residenti r
JOIN distretti d ON d.ambito = r.ambito AND d.anno = r.anno
LEFT JOIN anziani z ON z.codice_istat = r.codice_istat AND z.anno = r.anno

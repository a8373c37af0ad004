WITH sad AS (
  SELECT ambito, id_intervento FROM sigess.interventi WHERE codice_voce = 'prov-assistenza_domiciliare'
)
SELECT e.ambito, a.anno, sum(coalesce(e.ore, 0)) AS numeratore, count(DISTINCT e.id_persona) AS denominatore
FROM sigess.erogazioni e
JOIN sad i ON i.ambito = e.ambito AND i.id_intervento = e.id_intervento
JOIN anni a ON a.anno = CAST(extract(year FROM e.data_inizio) AS BIGINT) AND e.data_inizio <= a.riferimento
WHERE e.stato <> 'annullata'
GROUP BY e.ambito, a.anno

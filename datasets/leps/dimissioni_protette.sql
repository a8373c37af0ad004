SELECT i.ambito, a.anno, sum(CASE WHEN i.attivazione <= i.dimissione + INTERVAL '48' HOUR THEN 1 ELSE 0 END) AS numeratore, count(*) AS denominatore
FROM sigess.interventi i
JOIN anni a ON a.anno = CAST(extract(year FROM i.dimissione) AS BIGINT) AND CAST(i.dimissione AS DATE) <= a.riferimento
WHERE i.codice_voce = 'prov-dimissioni_protette'
GROUP BY i.ambito, a.anno

-- The term is decided on the day of the meeting, or when it is over.
WITH nuclei AS (
  SELECT ambito, data_primo_incontro, CAST(data_pad + INTERVAL '120' DAY AS DATE) AS scadenza
  FROM sigess.casi
  WHERE nucleo_adi AND data_pad IS NOT NULL
),
decisi AS (
  SELECT ambito,
    CASE WHEN data_primo_incontro <= scadenza THEN data_primo_incontro ELSE scadenza END AS deciso,
    CASE WHEN data_primo_incontro <= scadenza THEN 1 ELSE 0 END AS in_tempo
  FROM nuclei
)
SELECT d.ambito, a.anno, sum(d.in_tempo) AS numeratore, count(*) AS denominatore
FROM decisi d
JOIN anni a ON a.anno = CAST(extract(year FROM d.deciso) AS BIGINT) AND d.deciso <= a.riferimento
GROUP BY d.ambito, a.anno

-- In charge from the first meeting until the case is closed.
SELECT k.ambito, a.anno, sum(CASE WHEN k.data_patto <= a.riferimento THEN 1 ELSE 0 END) AS numeratore, count(*) AS denominatore
FROM sigess.casi k
JOIN anni a ON k.data_primo_incontro <= a.riferimento AND (k.data_chiusura IS NULL OR k.data_chiusura > a.riferimento)
WHERE k.nucleo_adi
GROUP BY k.ambito, a.anno

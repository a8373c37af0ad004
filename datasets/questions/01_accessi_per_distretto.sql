-- it: Quanti accessi ha avuto ogni distretto, anno per anno, e da quanti comuni
-- en: How many accesses each district had, year by year, and from how many municipalities
SELECT ambito, extract(year FROM data_accesso) AS anno, count(*) AS accessi, count(DISTINCT codice_istat) AS comuni
FROM sigess.accessi
GROUP BY ambito, extract(year FROM data_accesso)
ORDER BY ambito, anno

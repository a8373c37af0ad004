SELECT s.codice_istat, s.ambito, a.anno,
  sum(CASE WHEN s.esito IS NOT NULL AND s.data_esito <= s.data_accesso + INTERVAL '30' DAY THEN 1 ELSE 0 END) AS numeratore,
  count(*) AS denominatore
FROM sigess.accessi s
JOIN anni a ON a.anno = CAST(extract(year FROM s.data_accesso) AS BIGINT) AND s.data_accesso <= a.riferimento
GROUP BY s.codice_istat, s.ambito, a.anno

-- it: Chi paga le prestazioni: spesa di ogni anno, e quanta ne portano ente, utente e servizio sanitario
-- en: Who pays for the services: expenditure of each year and what the body, the user and the health service bear of it
SELECT extract(year FROM data_inizio) AS anno, count(*) AS righe, sum(importo) AS spesa, sum(ore) AS ore,
  CAST(100 * sum(quota_ente) AS double precision) / CAST(sum(importo) AS double precision) AS percento_ente,
  CAST(100 * sum(quota_utente) AS double precision) / CAST(sum(importo) AS double precision) AS percento_utente,
  CAST(100 * sum(quota_ssn) AS double precision) / CAST(sum(importo) AS double precision) AS percento_sanita
FROM sigess.erogazioni
WHERE stato IN ('erogata', 'liquidata')
GROUP BY extract(year FROM data_inizio)
ORDER BY anno

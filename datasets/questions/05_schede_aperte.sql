-- it: Quante schede sono ancora aperte, e quante da più di novanta giorni
-- en: How many sheets are still open, and how many for more than ninety days
SELECT ambito, count(*) AS aperte,
  count(*) FILTER (WHERE data_accesso < DATE '2026-10-31' - INTERVAL '90' DAY) AS oltre_novanta_giorni,
  min(data_accesso) AS la_piu_vecchia
FROM sigess.accessi
WHERE esito IS NULL
GROUP BY ambito
ORDER BY aperte DESC, ambito

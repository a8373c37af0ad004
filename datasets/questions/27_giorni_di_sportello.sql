-- it: In quali giorni della settimana serve lo sportello (0 è domenica): accessi, giorni in cui qualcuno è venuto, e quanti in media ogni giorno
-- en: On which days of the week the desk is needed (0 is Sunday): accesses, days on which somebody came, and how many a day on average
SELECT extract(dow FROM data_accesso) AS giorno, count(*) AS accessi, count(DISTINCT data_accesso) AS giorni,
  CAST(count(*) AS double precision) / count(DISTINCT data_accesso) AS accessi_al_giorno
FROM sigess.accessi
GROUP BY extract(dow FROM data_accesso)
ORDER BY giorno

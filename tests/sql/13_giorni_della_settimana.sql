-- it: In quali giorni della settimana arrivano le persone (0 è domenica)
-- en: On which days of the week people come (0 is Sunday)
SELECT extract(dow FROM data_accesso) AS giorno, count(*) AS accessi, count(DISTINCT data_accesso) AS giornate
FROM sigess.accessi
WHERE modalita = 'di_persona'
GROUP BY extract(dow FROM data_accesso)
ORDER BY giorno

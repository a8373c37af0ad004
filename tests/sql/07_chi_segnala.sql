-- it: Chi si rivolge al servizio, e perché
-- en: Who turns to the service, and why
SELECT coalesce(interlocutore, 'non rilevato') AS interlocutore, motivo_accesso, count(*) AS accessi
FROM sigess.accessi
GROUP BY coalesce(interlocutore, 'non rilevato'), motivo_accesso
ORDER BY accessi DESC, interlocutore, motivo_accesso

-- it: Chi si presenta allo sportello, per fascia di utenza: la persona stessa, un familiare o altri, e quanti sono inviati da un altro servizio
-- en: Who comes to the desk, by user group: the person, a relative or others, and how many are referred by another service
SELECT utenza, count(*) AS accessi,
  count(*) FILTER (WHERE interlocutore = 'utente') AS di_persona,
  count(*) FILTER (WHERE interlocutore = 'parente') AS familiari,
  count(*) FILTER (WHERE interlocutore NOT IN ('utente', 'parente')) AS altri,
  count(*) - count(interlocutore) AS non_indicato,
  CAST(100 * count(*) FILTER (WHERE motivo_accesso = 'inviato') AS double precision) / count(*) AS percento_inviati
FROM sigess.accessi
GROUP BY utenza
ORDER BY accessi DESC, utenza

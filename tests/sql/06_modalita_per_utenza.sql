-- it: Come si presenta ciascuna fascia di utenza: di persona, al telefono, per iscritto
-- en: How each user group makes contact: in person, by telephone, in writing
SELECT utenza, modalita, count(*) AS accessi, CAST(100 * count(*) AS double precision) / sum(count(*)) OVER (PARTITION BY utenza) AS percento
FROM sigess.accessi
GROUP BY utenza, modalita
ORDER BY utenza, modalita

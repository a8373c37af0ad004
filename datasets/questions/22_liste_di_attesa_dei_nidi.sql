-- it: Chi resta fuori dal nido: iscritti, posti e lista di attesa per anno educativo e fascia di età
-- en: Who stays out of childcare: enrolled children, places and waiting list by educational year and age band
WITH offerta AS (
  SELECT anno, fascia, sum(posti) AS posti FROM sirse.posti GROUP BY anno, fascia
), domanda AS (
  SELECT anno, fascia, sum(iscritti) AS iscritti, sum(lista_attesa) AS in_attesa FROM sirse.iscrizioni GROUP BY anno, fascia
)
SELECT d.anno, d.fascia, o.posti, d.iscritti, d.in_attesa, CAST(100 * d.in_attesa AS double precision) / (d.iscritti + d.in_attesa) AS percento_in_attesa
FROM domanda d JOIN offerta o ON o.anno = d.anno AND o.fascia = d.fascia
ORDER BY d.anno, d.fascia

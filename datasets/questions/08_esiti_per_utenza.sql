-- it: Quante domande diventano una presa in carico, per fascia di utenza
-- en: How many requests are taken into care, by user group
SELECT utenza, count(*) AS concluse,
  count(*) FILTER (WHERE esito = 'presa_in_carico') AS prese_in_carico,
  count(*) FILTER (WHERE esito = 'uvm') AS alla_valutazione_multidimensionale,
  count(*) FILTER (WHERE esito = 'rinuncia') AS rinunce,
  CAST(100 * count(*) FILTER (WHERE esito = 'presa_in_carico') AS double precision) / count(*) AS percento_in_carico
FROM sigess.accessi
WHERE esito IS NOT NULL
GROUP BY utenza
ORDER BY percento_in_carico DESC, utenza

-- it: Che cosa accade dopo il primo contatto: esiti delle schede per punto di accesso, e quante si chiudono entro trenta giorni
-- en: What follows the first contact: outcomes of the sheets by access point, and how many close within thirty days
SELECT coalesce(punto_contatto, 'non indicato') AS punto, count(*) AS schede, count(esito) AS concluse,
  count(*) FILTER (WHERE esito = 'informazione') AS informazioni,
  count(*) FILTER (WHERE esito = 'invio') AS invii_ad_altri,
  count(*) FILTER (WHERE esito = 'uvm') AS valutazioni_multidimensionali,
  count(*) FILTER (WHERE esito = 'presa_in_carico') AS prese_in_carico,
  CAST(100 * count(*) FILTER (WHERE CAST(data_esito - data_accesso AS integer) <= 30) AS double precision) / count(*) AS percento_entro_trenta_giorni
FROM sigess.accessi
WHERE data_accesso BETWEEN DATE '2025-01-01' AND DATE '2026-09-30'
GROUP BY coalesce(punto_contatto, 'non indicato')
ORDER BY punto

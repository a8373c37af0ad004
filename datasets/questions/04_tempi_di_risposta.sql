-- it: Quanti giorni passano dal primo accesso all'esito, distretto per distretto (LEPS-08: al più trenta)
-- en: Days from first contact to outcome, by district (LEPS-08: thirty at most)
SELECT ambito, count(*) AS concluse,
  avg(CAST(data_esito - data_accesso AS integer)) AS giorni_medi,
  max(CAST(data_esito - data_accesso AS integer)) AS giorni_massimi,
  count(*) FILTER (WHERE CAST(data_esito - data_accesso AS integer) <= 15) AS entro_quindici
FROM sigess.accessi
WHERE data_esito IS NOT NULL
GROUP BY ambito
ORDER BY giorni_medi DESC, ambito

-- it: I venti comuni in cui più spesso l'esito arriva dopo trenta giorni, tra quelli con almeno cinquanta schede concluse
-- en: The twenty municipalities where the outcome most often comes after thirty days, among those with at least fifty sheets concluded
SELECT c.comune, c.ambito, count(*) AS concluse,
  count(*) FILTER (WHERE CAST(a.data_esito - a.data_accesso AS integer) > 30) AS oltre_trenta_giorni,
  avg(CAST(a.data_esito - a.data_accesso AS integer)) AS giorni_medi,
  CAST(100 * count(*) FILTER (WHERE CAST(a.data_esito - a.data_accesso AS integer) > 30) AS double precision) / count(*) AS percento_in_ritardo
FROM sigess.accessi a JOIN territorio.comuni c ON c.codice_istat = a.codice_istat
WHERE a.data_esito IS NOT NULL
GROUP BY c.comune, c.ambito
HAVING count(*) >= 50
ORDER BY percento_in_ritardo DESC, giorni_medi DESC, c.comune
LIMIT 20

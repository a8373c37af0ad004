-- it: Per quali vie si arriva ai servizi: accessi di ogni anno per modalità, e quanta parte ne è
-- en: By which ways people reach the services: accesses of each year by mode, and what share each is
SELECT extract(year FROM data_accesso) AS anno, modalita, count(*) AS accessi,
  CAST(100 * count(*) AS double precision) / sum(count(*)) OVER (PARTITION BY extract(year FROM data_accesso)) AS quota_percento
FROM sigess.accessi
GROUP BY extract(year FROM data_accesso), modalita
ORDER BY anno, accessi DESC, modalita

-- it: A che punto è l'anno: accessi sommati di mese in mese, per provincia
-- en: How far the year has come: accesses added up month by month, by province
WITH mensili AS (
  SELECT c.provincia, date_trunc('month', a.data_accesso) AS mese, count(*) AS accessi
  FROM sigess.accessi a JOIN territorio.comuni c ON c.codice_istat = a.codice_istat
  WHERE a.data_accesso >= DATE '2026-01-01'
  GROUP BY c.provincia, date_trunc('month', a.data_accesso)
)
SELECT provincia, mese, accessi, sum(accessi) OVER (PARTITION BY provincia ORDER BY mese) AS da_inizio_anno
FROM mensili
ORDER BY provincia, mese

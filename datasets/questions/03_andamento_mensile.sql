-- it: Come cambiano gli accessi di mese in mese
-- en: How accesses change from month to month
SELECT date_trunc('month', data_accesso) AS mese, count(*) AS accessi,
  count(*) FILTER (WHERE modalita = 'di_persona') AS di_persona,
  count(*) FILTER (WHERE motivo_accesso = 'spontaneo') AS spontanei
FROM sigess.accessi
GROUP BY date_trunc('month', data_accesso)
ORDER BY mese

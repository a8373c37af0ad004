-- it: Come cresce l'arretrato: schede aperte e concluse ogni mese, e quante restano aperte alla fine del mese
-- en: How the backlog grows: sheets opened and concluded each month, and how many are still open at the month's end
WITH movimenti AS (
  SELECT date_trunc('month', data_accesso) AS mese, count(*) AS aperte, 0 AS concluse FROM sigess.accessi GROUP BY date_trunc('month', data_accesso)
  UNION ALL
  SELECT date_trunc('month', data_esito) AS mese, 0 AS aperte, count(*) AS concluse FROM sigess.accessi WHERE data_esito IS NOT NULL GROUP BY date_trunc('month', data_esito)
), mensili AS (
  SELECT mese, sum(aperte) AS aperte, sum(concluse) AS concluse FROM movimenti GROUP BY mese
)
SELECT mese, aperte, concluse, sum(aperte - concluse) OVER (ORDER BY mese) AS ancora_aperte FROM mensili ORDER BY mese

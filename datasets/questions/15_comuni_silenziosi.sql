-- it: I comuni da cui nell'ultimo trimestre non è arrivato quasi nessuno
-- en: The municipalities from which hardly anybody came in the last quarter
SELECT c.codice_istat, c.comune, c.ambito, count(a.codice_istat) AS accessi
FROM territorio.comuni c
LEFT JOIN sigess.accessi a ON a.codice_istat = c.codice_istat AND a.data_accesso >= DATE '2026-08-01'
GROUP BY c.codice_istat, c.comune, c.ambito
ORDER BY accessi, c.codice_istat
LIMIT 20

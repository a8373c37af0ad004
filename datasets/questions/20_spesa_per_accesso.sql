-- it: Quanto si è impegnato per ogni accesso: la spesa dei piani di zona accanto alle schede
-- en: How much was committed for each access: the expenditure of the area plans beside the sheets
WITH spesa AS (
  SELECT ambito, sum(importo) AS impegnato FROM piani_zona.importi WHERE anno = 2025 AND fase = 'impegnato' GROUP BY ambito
), accessi AS (
  SELECT ambito, count(*) AS accessi FROM sigess.accessi WHERE extract(year FROM data_accesso) = 2025 GROUP BY ambito
)
SELECT s.ambito, s.impegnato, a.accessi, CAST(s.impegnato AS double precision) / a.accessi AS euro_per_accesso
FROM spesa s JOIN accessi a ON a.ambito = s.ambito
ORDER BY s.ambito

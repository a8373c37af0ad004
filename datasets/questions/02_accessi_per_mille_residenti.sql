-- it: In quali distretti ci si rivolge di più ai servizi: accessi ogni mille residenti
-- en: Where people turn to the services most: accesses per thousand residents, by district
WITH residenti AS (
  SELECT ambito, sum(totale) AS residenti FROM territorio.popolazione WHERE anno = 2023 GROUP BY ambito
), accessi AS (
  SELECT ambito, count(*) AS accessi FROM sigess.accessi WHERE data_accesso >= DATE '2026-01-01' GROUP BY ambito
)
SELECT r.ambito, r.residenti, coalesce(a.accessi, 0) AS accessi, CAST(1000 * coalesce(a.accessi, 0) AS double precision) / r.residenti AS per_mille
FROM residenti r LEFT JOIN accessi a ON a.ambito = r.ambito
ORDER BY per_mille DESC, r.ambito

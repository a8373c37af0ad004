-- it: Domanda e offerta: accessi del 2025 e posti alla rilevazione di fine anno, per fascia di utenza e distretto
-- en: Need and offer: accesses of 2025 and places at the survey of the year's end, by user group and district
WITH domanda AS (
  SELECT ambito, utenza, count(*) AS accessi FROM sigess.accessi
  WHERE data_accesso BETWEEN DATE '2025-01-01' AND DATE '2025-12-31' GROUP BY ambito, utenza
), offerta AS (
  SELECT ambito, utenza, sum(posti_autorizzati) AS posti, sum(posti_occupati) AS occupati FROM assa.posti
  WHERE data_rilevazione = DATE '2025-12-31' AND tipo_posto <> 'emergenza' GROUP BY ambito, utenza
)
SELECT d.ambito, d.utenza, d.accessi, coalesce(o.posti, 0) AS posti, coalesce(o.occupati, 0) AS occupati,
  CAST(o.posti AS double precision) / d.accessi AS posti_per_accesso
FROM domanda d LEFT JOIN offerta o ON o.ambito = d.ambito AND o.utenza = d.utenza
ORDER BY d.ambito, d.utenza

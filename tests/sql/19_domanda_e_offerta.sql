-- it: Domanda e offerta: accessi e posti nelle strutture attive, per fascia di utenza e distretto
-- en: Demand and supply: accesses and places in active facilities, by user group and district
WITH domanda AS (
  SELECT ambito, utenza, count(*) AS accessi FROM sigess.accessi GROUP BY ambito, utenza
), offerta AS (
  SELECT ambito, utenza, count(*) AS strutture, sum(posti) AS posti FROM assa.strutture WHERE data_cessazione IS NULL GROUP BY ambito, utenza
)
SELECT d.ambito, d.utenza, d.accessi, coalesce(o.strutture, 0) AS strutture, coalesce(o.posti, 0) AS posti
FROM domanda d LEFT JOIN offerta o ON o.ambito = d.ambito AND o.utenza = d.utenza
ORDER BY d.ambito, d.utenza

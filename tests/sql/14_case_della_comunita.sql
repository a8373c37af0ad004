-- it: Quanto pesa la Casa della comunità tra i punti di contatto
-- en: How much the community health centre weighs among the contact points
SELECT ambito, count(*) AS accessi,
  count(*) FILTER (WHERE punto_contatto ILIKE '%casa della comunità%') AS casa_della_comunita,
  count(*) FILTER (WHERE punto_contatto IS NULL) AS senza_indicazione
FROM sigess.accessi
GROUP BY ambito
ORDER BY ambito

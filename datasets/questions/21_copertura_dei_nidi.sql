-- it: I nidi: posti ogni cento bambini sotto i tre anni, distretto per distretto, e quanti ne mancano al 33 per cento
-- en: Childcare: places for every hundred children under three, district by district, and how many are missing to 33 per cent
WITH bambini AS (
  SELECT ambito, sum(totale) AS bambini FROM territorio.popolazione WHERE anno = 2023 AND eta < 3 GROUP BY ambito
), offerta AS (
  SELECT ambito, sum(posti) AS posti, sum(posti_equivalenti) AS equivalenti FROM sirse.posti WHERE anno = 2025 GROUP BY ambito
)
SELECT b.ambito, b.bambini, o.posti, o.equivalenti, CAST(100 * o.equivalenti AS double precision) / b.bambini AS percento,
  0.33 * CAST(b.bambini AS double precision) - CAST(o.equivalenti AS double precision) AS mancanti
FROM bambini b JOIN offerta o ON o.ambito = b.ambito
ORDER BY percento, b.ambito

-- it: Le tre fasce di utenza che pesano di più in ogni distretto
-- en: The three user groups that weigh most in each district
WITH contate AS (
  SELECT ambito, utenza, count(*) AS accessi FROM sigess.accessi GROUP BY ambito, utenza
), ordinate AS (
  SELECT ambito, utenza, accessi, row_number() OVER (PARTITION BY ambito ORDER BY accessi DESC, utenza) AS posto FROM contate
)
SELECT ambito, posto, utenza, accessi FROM ordinate WHERE posto <= 3 ORDER BY ambito, posto

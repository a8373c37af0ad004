-- A plan without the service covers no hour; the same service stands in the plan once per user group.
SELECT ambito, anno,
  coalesce(max(CASE WHEN codice_voce = 'prov-pronto_intervento' THEN ore_copertura END), 0) AS numeratore,
  CASE WHEN anno % 4 = 0 AND (anno % 100 <> 0 OR anno % 400 = 0) THEN 8784 ELSE 8760 END AS denominatore
FROM piani_zona.interventi_programmati
GROUP BY ambito, anno

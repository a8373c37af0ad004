-- it: Quanto costa servire una persona, voce per voce: costo medio della regione e distanza tra il distretto meno caro e il più caro
-- en: What it costs to serve one person, item by item: average cost of the region, and how far the cheapest district is from the dearest
SELECT codice_voce, count(*) AS distretti, sum(utenti_serviti) AS utenti, sum(costo_sostenuto) AS costo,
  CAST(sum(costo_sostenuto) AS double precision) / CAST(sum(utenti_serviti) AS double precision) AS costo_per_utente,
  min(costo_unitario) AS meno_caro, max(costo_unitario) AS piu_caro
FROM piani_zona.costi_unitari
WHERE anno = 2024 AND utenti_serviti > 0
GROUP BY codice_voce
ORDER BY codice_voce

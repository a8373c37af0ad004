-- Quanto costa servire una persona: costi e utenti restano distinti, perché un rapporto non si somma.
SELECT ambito, anno, codice_voce, utenza,
  costo_previsto, utenti_previsti,
  CASE WHEN utenti_previsti > 0 THEN CAST(costo_previsto AS DOUBLE) / CAST(utenti_previsti AS DOUBLE) END AS costo_unitario_previsto,
  costo_sostenuto, utenti_serviti,
  CASE WHEN utenti_serviti > 0 THEN CAST(costo_sostenuto AS DOUBLE) / CAST(utenti_serviti AS DOUBLE) END AS costo_unitario
FROM piani_zona.interventi_programmati

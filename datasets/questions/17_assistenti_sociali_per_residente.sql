-- it: Abbastanza assistenti sociali: residenti per assistente sociale a tempo indeterminato, e quanti ne mancano per averne uno ogni cinquemila
-- en: Enough social workers: residents for each permanent social worker, and how many are missing to have one for every five thousand
WITH residenti AS (
  SELECT ambito, sum(totale) AS residenti FROM territorio.popolazione WHERE anno = 2023 GROUP BY ambito
), personale AS (
  SELECT ambito, sum(tempo_pieno) AS tutti,
    sum(CASE WHEN assistente_sociale AND contratto = 'indeterminato' AND tipo_ente <> 'terzo_settore' THEN tempo_pieno ELSE 0 END) AS assistenti_sociali
  FROM piani_zona.risorse_umane WHERE anno = 2025 GROUP BY ambito
)
SELECT p.ambito, r.residenti, p.tutti AS personale_a_tempo_pieno, p.assistenti_sociali,
  CASE WHEN p.assistenti_sociali > 0 THEN CAST(r.residenti AS double precision) / CAST(p.assistenti_sociali AS double precision) END AS residenti_per_assistente,
  CASE WHEN r.residenti > 5000 * p.assistenti_sociali THEN CAST(r.residenti AS double precision) / 5000 - CAST(p.assistenti_sociali AS double precision) ELSE 0 END AS mancanti
FROM personale p JOIN residenti r ON r.ambito = p.ambito
ORDER BY p.ambito

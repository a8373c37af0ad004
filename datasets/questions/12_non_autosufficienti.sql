-- it: Anziani non autosufficienti: accessi ogni mille residenti dai 75 anni in su
-- en: Older people who are not self-sufficient: accesses per thousand residents aged 75 and over
WITH anziani AS (
  SELECT ambito, sum(totale) AS residenti FROM territorio.popolazione WHERE anno = 2023 AND eta >= 75 GROUP BY ambito
)
SELECT a.ambito, d.ente_capofila, n.residenti, count(*) AS accessi, CAST(1000 * count(*) AS double precision) / n.residenti AS per_mille
FROM sigess.accessi a
JOIN anziani n ON n.ambito = a.ambito
JOIN territorio.ambiti d ON d.ambito = a.ambito
WHERE a.utenza = 'anziani_non_autosufficienti'
GROUP BY a.ambito, d.ente_capofila, n.residenti
ORDER BY per_mille DESC, a.ambito

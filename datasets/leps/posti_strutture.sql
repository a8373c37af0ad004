WITH rilevati AS (
  SELECT p.codice_struttura, p.codice_istat, a.anno, a.riferimento, p.utenza, p.posti_autorizzati, p.posti_accreditati,
    row_number() OVER (PARTITION BY p.codice_struttura, p.tipo_posto, p.utenza, a.anno ORDER BY p.data_rilevazione DESC) AS ultimo
  FROM assa.posti p
  JOIN anni a ON p.data_rilevazione <= a.riferimento
  WHERE p.tipo_posto IN ('residenziale', 'semiresidenziale')
),
stati AS (
  SELECT s.codice_struttura, a.anno,
    max(CASE WHEN s.asse = 'autorizzazione' AND s.stato IN ('autorizzata', 'diffidata') THEN 1 ELSE 0 END) AS opera,
    max(CASE WHEN s.asse = 'accreditamento' AND s.stato = 'accreditato' THEN 1 ELSE 0 END) AS accreditata
  FROM assa.stati s
  JOIN anni a ON s.dal <= a.riferimento AND (s.al IS NULL OR s.al > a.riferimento)
  GROUP BY s.codice_struttura, a.anno
),
offerta AS (
  SELECT r.codice_istat, r.anno, sum(r.posti_autorizzati) AS posti,
    sum(CASE WHEN s.accreditata = 1 THEN r.posti_accreditati ELSE 0 END) AS accreditati,
    sum(CASE WHEN r.utenza = 'famiglia_minori' THEN r.posti_autorizzati ELSE 0 END) AS per_minori,
    sum(CASE WHEN r.utenza = 'disabili' THEN r.posti_autorizzati ELSE 0 END) AS per_disabili,
    sum(CASE WHEN r.utenza IN ('anziani_autosufficienti', 'anziani_non_autosufficienti') THEN r.posti_autorizzati ELSE 0 END) AS per_anziani
  FROM rilevati r
  JOIN stati s ON s.codice_struttura = r.codice_struttura AND s.anno = r.anno
  WHERE r.ultimo = 1 AND s.opera = 1
  GROUP BY r.codice_istat, r.anno
),
distretti AS (
  SELECT DISTINCT p.ambito, a.anno FROM assa.posti p JOIN anni a ON p.data_rilevazione <= a.riferimento
)
SELECT r.codice_istat, r.ambito, r.anno, r.anno_popolazione, coalesce(o.posti, 0) AS numeratore, r.residenti AS denominatore,
  coalesce(o.accreditati, 0) AS accreditati, coalesce(o.per_minori, 0) AS per_minori, coalesce(o.per_disabili, 0) AS per_disabili,
  coalesce(o.per_anziani, 0) AS per_anziani
FROM residenti r
JOIN distretti d ON d.ambito = r.ambito AND d.anno = r.anno
LEFT JOIN offerta o ON o.codice_istat = r.codice_istat AND o.anno = r.anno

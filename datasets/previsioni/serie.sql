-- Closed months, each with its first and last day.
WITH mesi AS (
  SELECT make_date(a.anno, m.mese, 1) AS inizio, CAST(make_date(a.anno, m.mese, 1) + INTERVAL '1' MONTH - INTERVAL '1' DAY AS DATE) AS fine
  FROM anni a CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12)) AS m(mese)
  WHERE make_date(a.anno, m.mese, 1) <= a.riferimento
),
-- A district tells of a month or does not: its series goes from the first month it told of to the last, and a month between without rows is zero.
contati AS (
  SELECT c.ambito, m.inizio, c.n
  FROM (SELECT ambito, CAST(date_trunc('month', data_accesso) AS DATE) AS inizio, count(*) AS n FROM sigess.accessi GROUP BY ambito, CAST(date_trunc('month', data_accesso) AS DATE)) c
  JOIN mesi m ON m.inizio = c.inizio
),
-- Places of a facility from each survey to the next, from the beginning before the first, as long as the facility may operate.
rilevati AS (
  SELECT codice_struttura, ambito, data_rilevazione, sum(posti_autorizzati) AS posti
  FROM assa.posti
  WHERE tipo_posto IN ('residenziale', 'semiresidenziale')
  GROUP BY codice_struttura, ambito, data_rilevazione
),
durate AS (
  SELECT codice_struttura, ambito, posti,
    CASE WHEN lag(data_rilevazione) OVER (PARTITION BY codice_struttura ORDER BY data_rilevazione) IS NULL THEN DATE '1900-01-01' ELSE data_rilevazione END AS dal,
    coalesce(lead(data_rilevazione) OVER (PARTITION BY codice_struttura ORDER BY data_rilevazione), DATE '9999-12-31') AS al
  FROM rilevati
),
aperti AS (
  SELECT d.ambito, d.posti, CASE WHEN s.dal > d.dal THEN s.dal ELSE d.dal END AS dal, CASE WHEN s.al < d.al THEN s.al ELSE d.al END AS al
  FROM durate d
  JOIN assa.stati s ON s.codice_struttura = d.codice_struttura AND s.asse = 'autorizzazione' AND s.stato IN ('autorizzata', 'diffidata')
    AND s.dal < d.al AND coalesce(s.al, DATE '9999-12-31') > d.dal
),
esistenti AS (
  SELECT p.ambito, m.inizio, sum(p.posti) AS n
  FROM aperti p JOIN mesi m ON p.dal <= m.fine AND p.al > m.fine
  JOIN (SELECT ambito, max(data_rilevazione) AS ultima FROM rilevati GROUP BY ambito) u ON u.ambito = p.ambito AND m.inizio <= u.ultima
  GROUP BY p.ambito, m.inizio
),
mensili AS (
  SELECT 'accessi' AS serie, 'accessi' AS unita, ambito, inizio, n FROM contati
  UNION ALL
  SELECT 'posti_strutture' AS serie, 'posti' AS unita, ambito, inizio, n FROM esistenti
),
estremi AS (
  SELECT serie, unita, ambito, min(inizio) AS primo, max(inizio) AS ultimo FROM mensili GROUP BY serie, unita, ambito
)
SELECT e.serie, e.ambito, e.unita, 'mese' AS frequenza, m.inizio AS inizio, CAST(coalesce(v.n, 0) AS decimal(22,2)) AS valore
FROM estremi e
JOIN mesi m ON m.inizio BETWEEN e.primo AND e.ultimo
LEFT JOIN mensili v ON v.serie = e.serie AND v.ambito = e.ambito AND v.inizio = m.inizio
UNION ALL
SELECT 'posti_nido' AS serie, p.ambito, 'posti' AS unita, 'anno' AS frequenza, make_date(p.anno, 1, 1) AS inizio, CAST(sum(p.posti) AS decimal(22,2)) AS valore
FROM sirse.posti p
WHERE p.ambito IS NOT NULL
GROUP BY p.ambito, p.anno
UNION ALL
-- Years that are over: the current one is not committed yet.
SELECT 'spesa_impegnata' AS serie, i.ambito, 'euro' AS unita, 'anno' AS frequenza, make_date(i.anno, 1, 1) AS inizio, CAST(sum(i.importo) AS decimal(22,2)) AS valore
FROM piani_zona.importi i JOIN anni a ON a.anno = i.anno AND a.riferimento = a.fine
WHERE i.fase = 'impegnato'
GROUP BY i.ambito, i.anno

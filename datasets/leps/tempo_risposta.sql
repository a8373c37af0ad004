WITH risposte AS (
  SELECT ambito, CAST(extract(year FROM segnalata_il) AS BIGINT) AS anno, CAST(segnalata_il AS DATE) AS giorno,
    CAST(floor((extract(epoch FROM contatto_il) - extract(epoch FROM segnalata_il)) / 60) AS BIGINT) AS valore
  FROM sigess.emergenze
  WHERE contatto_il IS NOT NULL
)
SELECT r.ambito, r.anno, r.valore, count(*) AS conteggio
FROM risposte r
JOIN anni a ON a.anno = r.anno AND r.giorno <= a.riferimento
GROUP BY r.ambito, r.anno, r.valore

-- Il libero è ciò che è programmato e non ancora impegnato; il resto dell'impegnato va rendicontato.
WITH righe AS (
  SELECT ambito, anno, ciclo, fondo, macro_attivita, utenza,
    sum(CASE WHEN fase = 'programmato' THEN importo ELSE 0 END) AS programmato,
    sum(CASE WHEN fase = 'impegnato' THEN importo ELSE 0 END) AS impegnato,
    sum(CASE WHEN fase = 'rendicontato' THEN importo ELSE 0 END) AS rendicontato
  FROM piani_zona.importi
  GROUP BY ambito, anno, ciclo, fondo, macro_attivita, utenza
)
SELECT ambito, anno, ciclo, fondo, macro_attivita, utenza,
  CAST(programmato AS DECIMAL(22,2)) AS programmato,
  CAST(impegnato AS DECIMAL(22,2)) AS impegnato,
  CAST(rendicontato AS DECIMAL(22,2)) AS rendicontato,
  CAST(programmato - impegnato AS DECIMAL(23,2)) AS libero,
  CAST(impegnato - rendicontato AS DECIMAL(23,2)) AS da_rendicontare
FROM righe

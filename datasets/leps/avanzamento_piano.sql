SELECT ambito, anno,
  sum(CASE WHEN fase = 'impegnato' THEN importo ELSE 0 END) AS numeratore,
  sum(CASE WHEN fase = 'programmato' THEN importo ELSE 0 END) AS denominatore,
  sum(CASE WHEN fase = 'rendicontato' THEN importo ELSE 0 END) AS rendicontato,
  sum(CASE fase WHEN 'programmato' THEN importo WHEN 'impegnato' THEN -importo ELSE 0 END) AS libero,
  sum(CASE WHEN fase = 'programmato' AND leps THEN importo ELSE 0 END) AS programmato_leps,
  sum(CASE WHEN fase = 'impegnato' AND leps THEN importo ELSE 0 END) AS impegnato_leps
FROM piani_zona.importi
GROUP BY ambito, anno

SELECT ambito, anno,
  sum(CASE WHEN assistente_sociale THEN coalesce(persone_supervisione, 0) ELSE 0 END) AS numeratore,
  sum(CASE WHEN assistente_sociale THEN persone ELSE 0 END) AS denominatore,
  sum(CASE WHEN assistente_sociale THEN coalesce(ore_supervisione, 0) ELSE 0 END) AS ore
FROM piani_zona.risorse_umane
GROUP BY ambito, anno

-- Every municipality of a district that sent places of the educational year counts, also one without a service.
WITH distretti AS (
  SELECT DISTINCT ambito, anno FROM sirse.posti
),
offerta AS (
  SELECT codice_istat, anno, sum(posti_equivalenti) AS posti FROM sirse.posti GROUP BY codice_istat, anno
)
SELECT r.codice_istat, r.ambito, r.anno, r.anno_popolazione, coalesce(o.posti, 0) AS numeratore, r.da_3_a_36_mesi AS denominatore
FROM residenti r
JOIN distretti d ON d.ambito = r.ambito AND d.anno = r.anno
LEFT JOIN offerta o ON o.codice_istat = r.codice_istat AND o.anno = r.anno

SELECT codice_istat, ambito, anno, sum(CASE WHEN titolarita = 'pubblica' THEN posti ELSE 0 END) AS numeratore, sum(posti) AS denominatore
FROM sirse.posti
GROUP BY codice_istat, ambito, anno

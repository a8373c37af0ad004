-- it: Una scheda, dal suo identificativo
-- en: One sheet, by its identifier
SELECT id_scheda, codice_istat, ambito, data_accesso, modalita, utenza, esito, data_esito
FROM sigess.accessi
WHERE id_scheda IN ('ARM51-2025-000002', 'AROMA-2025-000002')
ORDER BY id_scheda

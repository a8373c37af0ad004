-- it: Montagna, collina e pianura: dove i servizi sono più lontani dalle persone
-- en: Mountains, hills and plains: where the services are farther from people
SELECT c.zona_altimetrica, c.grado_urbanizzazione, count(*) AS accessi,
  count(*) FILTER (WHERE a.modalita = 'a_domicilio') AS a_domicilio,
  count(*) FILTER (WHERE a.modalita IN ('segnalazione_telefonica', 'e_mail', 'altra_distanza')) AS a_distanza
FROM sigess.accessi a JOIN territorio.comuni c ON c.codice_istat = a.codice_istat
GROUP BY c.zona_altimetrica, c.grado_urbanizzazione
ORDER BY c.zona_altimetrica, c.grado_urbanizzazione

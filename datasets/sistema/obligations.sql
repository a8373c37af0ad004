-- Who sends: each municipality and each district for itself, the region for its registers.
WITH enti AS (
  SELECT 'comune' AS mittenti, codice_istat AS ente, ambito FROM territorio.comuni
  UNION ALL
  SELECT DISTINCT 'ambito' AS mittenti, ambito AS ente, ambito FROM territorio.comuni
  UNION ALL
  SELECT 'regione' AS mittenti, 'lazio' AS ente, CAST(NULL AS VARCHAR) AS ambito
),
ordinate AS (
  SELECT *, row_number() OVER (PARTITION BY dataset, ente, periodo_dati ORDER BY ricevuta_il DESC, consegna DESC) AS posto FROM sistema.deliveries
  -- Rows of forms are sent one by one: they are not the delivery of a period.
  WHERE account <> 'moduli'
),
-- A delivery is valid when it has a version of the table: then some of its rows stand there, or it said that there are none.
arrivate AS (
  SELECT dataset, ente, periodo_dati, count(DISTINCT consegna) AS consegne, max(ricevuta_il) AS ultima_consegna, max(versione_tabella) AS versione,
    min(CASE WHEN versione_tabella IS NOT NULL THEN ricevuta_il END) AS prima_valida,
    max(CASE WHEN posto = 1 THEN accettate END) AS righe_accettate, max(CASE WHEN posto = 1 THEN rifiutate END) AS righe_rifiutate
  FROM ordinate
  GROUP BY dataset, ente, periodo_dati
),
firmate AS (
  SELECT *, row_number() OVER (PARTITION BY dataset, ente, periodo_dati ORDER BY firmata_il DESC, certificazione DESC) AS posto FROM sistema.certifications
)
SELECT d.dataset, d.sottosistema, e.ente, e.ambito, d.periodo AS periodo_dati, d.inizio, d.fine, d.scadenza,
  CASE
    WHEN f.versione_tabella >= a.versione THEN 'certified'
    WHEN a.versione IS NOT NULL THEN 'valid'
    WHEN a.consegne > 0 THEN 'received'
    WHEN d.scaduta THEN 'missing'
    ELSE 'due'
  END AS stato,
  CASE WHEN a.prima_valida IS NULL THEN d.scaduta ELSE CAST(a.prima_valida AS DATE) > d.scadenza END AS in_ritardo,
  coalesce(a.consegne, 0) AS consegne, a.ultima_consegna, a.righe_accettate, a.righe_rifiutate, f.certificazione
FROM dovute d
JOIN enti e ON e.mittenti = d.mittenti
LEFT JOIN arrivate a ON a.dataset = d.dataset AND a.ente = e.ente AND a.periodo_dati = d.periodo
LEFT JOIN firmate f ON f.dataset = d.dataset AND f.ente = e.ente AND f.periodo_dati = d.periodo AND f.posto = 1

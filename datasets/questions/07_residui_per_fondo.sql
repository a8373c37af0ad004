-- it: Quanto denaro resta fermo: programmato, impegnato e rendicontato per fondo negli anni chiusi, e che cosa ne avanza
-- en: How much money stands still: programmed, committed and reported by fund in the closed years, and what is left of it
SELECT fondo, sum(programmato) AS programmato, sum(impegnato) AS impegnato, sum(rendicontato) AS rendicontato,
  sum(libero) AS libero, sum(da_rendicontare) AS da_rendicontare,
  CAST(100 * sum(libero) AS double precision) / CAST(sum(programmato) AS double precision) AS percento_libero
FROM piani_zona.residui
WHERE anno <= 2025
GROUP BY fondo
ORDER BY libero DESC, fondo

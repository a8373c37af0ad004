"""Large files to deliver, made by DuckDB from numbers alone: the same count gives the same bytes."""

import csv
import datetime
import itertools
import pathlib
import sys

import duckdb
from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
import persons

SENDER, PERIOD = "058091", "2026-10"
PERSONS = 2_000
"""Persons that each district knows: they come again and again."""

# Of each thousand rows one breaks a check, each time another one.
FACILITIES = """
COPY (
  WITH numbered AS (SELECT n, CAST(hash(n) >> 1 AS BIGINT) AS h, CASE WHEN n % 1000 = 0 THEN (n // 1000) % 7 ELSE 7 END AS fault FROM range(1, {count} + 1) t(n))
  SELECT printf('S058091-%08d', CASE fault WHEN 0 THEN n - 1 ELSE n END) AS codice_struttura,
    CASE fault WHEN 1 THEN NULL ELSE 'Struttura ' || h % 50000 END AS denominazione,
    CASE fault WHEN 2 THEN '058120' ELSE '058091' END AS codice_istat,
    CASE fault WHEN 3 THEN 'albergo' ELSE ['casa_riposo_anziani', 'comunita_alloggio_disabili', 'centro_diurno_minori', 'mensa_sociale', 'semiautonomia', 'accoglienza_notturna'][1 + h % 6] END AS tipo,
    ['anziani_autosufficienti', 'disabili', 'famiglia_minori', 'poverta', 'disagio_adulti', 'immigrati_rom_sinti'][1 + h % 6] AS utenza,
    'Via dei Girasoli, ' || (1 + (h >> 8) % 300) AS indirizzo,
    false AS indirizzo_riservato,
    'Cooperativa sociale ' || (h >> 16) % 2000 AS gestore,
    ['terzo_settore', 'impresa', 'religioso', 'pubblico'][1 + (h >> 24) % 4] AS natura_gestore,
    CASE fault WHEN 4 THEN 'IT123' ELSE printf('%011d', (h >> 28) % 10000000) END AS codice_fiscale_gestore,
    CASE fault WHEN 5 THEN '0' WHEN 6 THEN 'molti' ELSE CAST(13 + (h >> 40) % 60 AS VARCHAR) END AS posti,
    DATE '2016-01-01' + CAST((h >> 44) % 3650 AS INTEGER) AS data_attivazione
  FROM numbered
) TO '{path}' (HEADER)
"""

ACCESSES = """
COPY (
  WITH numbered AS (SELECT n, CAST(hash(n, '{code}{year}') >> 1 AS BIGINT) AS h, CAST(hash('{code}{year}', n) >> 1 AS BIGINT) AS g FROM range(1, {count} + 1) t(n)),
  dated AS (SELECT *, DATE '{year}-01-02' + CAST((h >> 20) % {days} AS INTEGER) AS data_accesso, (g >> 4) % 100 < 93 AS chiusa, CAST((g >> 12) % 31 AS INTEGER) AS giorni FROM numbered)
  SELECT printf('A{code}-{year}-%08d', 1000000 + n) AS id_scheda, {codes}[1 + g % {persons}] AS id_persona,
    {places}[1 + h % {slots}] AS codice_istat,
    ['PUA Casa della comunità', 'Segretariato sociale', 'PUA Casa della comunità', 'Segretariato sociale', NULL][1 + (h >> 12) % 5] AS punto_contatto,
    data_accesso,
    ['di_persona', 'di_persona', 'di_persona', 'di_persona', 'di_persona', 'segnalazione_telefonica', 'segnalazione_telefonica', 'e_mail', 'segnalazione_scritta', 'a_domicilio'][1 + (h >> 32) % 10] AS modalita,
    ['spontaneo', 'spontaneo', 'spontaneo', 'inviato', 'inviato', 'convocato'][1 + (h >> 36) % 6] AS motivo_accesso,
    ['utente', 'utente', 'utente', 'parente', 'parente', 'istituzionale', 'organizzazione', NULL][1 + (h >> 40) % 8] AS interlocutore,
    ['famiglia_minori', 'anziani_non_autosufficienti', 'poverta', 'disabili', 'famiglia_minori', 'anziani_non_autosufficienti', 'disagio_adulti', 'anziani_autosufficienti'][1 + (h >> 44) % 8] AS utenza,
    ['30-64', '75-84', '30-64', '30-64', '06-13', '85+', '30-64', '65-74'][1 + (h >> 44) % 8] AS fascia_eta,
    ['F', 'M'][1 + (h >> 48) % 2] AS sesso, ['italiana', 'italiana', 'italiana', 'extra_ue'][1 + (h >> 50) % 4] AS cittadinanza, false AS senza_fissa_dimora,
    ['economico', 'autonomia', 'casa', 'informazione'][1 + (h >> 54) % 4] AS bisogno,
    CASE WHEN chiusa THEN ['presa_in_carico', 'presa_in_carico', 'informazione', 'informazione', 'invio', 'uvm', 'rinuncia'][1 + (g >> 20) % 7] END AS esito,
    CASE WHEN chiusa THEN data_accesso + giorni END AS data_esito
  FROM dated
) TO '{path}' (HEADER)
"""


def facilities(path, count):
    duckdb.execute(FACILITIES.format(path=path, count=count))


def accesses(base, folder, count):
    """(dataset, district, year, file): each district's persons, then its sheets of two years, `count` in all, by the real population."""
    folder.mkdir(parents=True, exist_ok=True)
    population = DeltaTable(str(base / "tables/territorio/popolazione")).to_pyarrow_table()
    residents, numbers = {}, itertools.count()
    for district, comune, people in duckdb.execute("SELECT ambito, codice_istat, sum(totale) FROM population WHERE anno = 2023 GROUP BY ALL ORDER BY ALL").fetchall():
        residents.setdefault(district, []).append((comune, int(people)))
    everybody = sum(people for comuni in residents.values() for _, people in comuni)
    for district, comuni in residents.items():
        known = [person(next(numbers)) for _ in range(PERSONS)]
        path = folder / f"{district}-persone.csv"
        register(path, known, comuni[0][0])
        yield "sigess.persone", district, "2026", path
        people = sum(people for _, people in comuni)
        # A comune stands in the list as often as its share of the district's people.
        places = [comune for comune, own in comuni for _ in range(1 + own * 500 // people)]
        for year, share, days in (("2025", 0.54, 334), ("2026", 0.46, 303)):
            path = folder / f"{district}-{year}.csv"
            own = max(1, round(count * share * people / everybody))
            code = "".join(filter(str.isalnum, district))
            codes = [one.code for one in known]
            duckdb.execute(ACCESSES.format(path=path, code=code, year=year, days=days, count=own, codes=codes, persons=PERSONS, places=places, slots=len(places)))
            yield "sigess.accessi", district, year, path


def person(number):
    """The names of 36 persons on each day from 1930."""
    return persons.Person(number % 36, datetime.date(1930, 1, 1) + datetime.timedelta(days=number // 36 - number % 36))


def register(path, known, comune):
    with open(path, "w", newline="") as file:
        rows = [one.row(codice_istat=comune) for one in known]
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)

"""Rules about rows together: what they refuse, in memory and on disk, beside what is there already; compared with DuckDB."""

import csv
import io
import json
import shutil

import duckdb
import pytest
import tomllib

import persons
from conftest import ROOT
from persons import Person, case, intervention, line


@pytest.fixture(scope="module")
def world(siss, tmp_path_factory):
    world = persons.World(siss, tmp_path_factory.mktemp("sets") / "data")
    people = [Person(i) for i in range(4)]
    world.accept("sigess.persone", [p.row() for p in people])
    world.accept("sigess.casi", [case(i, p, "disabili") for i, p in enumerate(people)])
    world.accept("sigess.interventi", [intervention(i, p, "disabili", "A2.07") for i, p in enumerate(people)])
    world.people = people
    return world


def refused(report):
    return sorted((v["line"], v["rule"]) for v in report["violations"] if v["severity"] == "error")


def test_a_row_at_odds_with_another_dataset_is_refused(world):
    rows = [
        line(0, world.people[0], "A2.07"),
        line(1, world.people[0], "A2.07"),  # another's intervention
        line(2, world.people[2], "A2.07", data_fine="2025-01-31", data_inizio="2025-01-01"),  # before the intervention
        line(3, world.people[3], "A1.04"),  # another benefit
    ]
    report = world.deliver("sigess.erogazioni", rows)
    assert refused(report) == [(3, "riga_dell_intervento"), (4, "riga_nell_intervento"), (5, "riga_dell_intervento")]
    assert (report["outcome"], report["accepted"], report["refused"], report["added"]) == ("parziale", 1, 3, 1)
    assert all(v["value"] is None and v["message"]["it"] and v["message"]["en"] for v in report["violations"])


def test_rows_meet_what_is_there_and_each_other(world):
    one = line(1, world.people[1], "A2.07")
    assert world.accept("sigess.erogazioni", [one], period="2025")["added"] == 1
    overlapping = [
        line(1, world.people[1], "A2.07", n=2, data_inizio="2025-04-01", data_fine="2025-05-31"),  # with a stored row
        line(1, world.people[1], "A2.07", n=3, data_inizio="2025-06-01", data_fine="2025-07-31"),
        line(1, world.people[1], "A2.07", n=4, data_inizio="2025-07-01", data_fine="2025-08-31"),  # with the row above
    ]
    report = world.deliver("sigess.erogazioni", overlapping)
    assert refused(report) == [(2, "periodi_senza_sovrapposizione"), (4, "periodi_senza_sovrapposizione")]
    # The stored row moved in the same delivery: what counts is the dataset as it will be.
    moved = [one | {"data_fine": "2025-03-31"}, overlapping[0]]
    assert world.accept("sigess.erogazioni", moved)["closed"] == 1


def test_refused_rows_can_be_corrected_and_sent_again(world):
    rows = [line(2, world.people[2], "A2.07"), line(2, world.people[3], "A2.07", n=2, data_inizio="2025-06-01", data_fine="2025-06-30")]
    report = world.deliver("sigess.erogazioni", rows)
    assert refused(report) == [(3, "riga_dell_intervento")]
    folder = world.data / "landing/sigess/erogazioni" / report["id"]
    again = list(csv.DictReader(io.StringIO((folder / "refused.csv").read_text())))
    assert [(row["riga"], row["id_persona"], row["importo"]) for row in again] == [("3", "***", "600.00")]


def test_warnings_of_rules_do_not_stop_a_row(world):
    report = world.deliver("sigess.erogazioni", [line(3, world.people[3], "A2.07", importo="0", quota_ente="0", quota_utente="0")])
    assert (report["outcome"], report["warnings"]) == ("accettata", 0)


@pytest.mark.parametrize("rows", [60_000])
def test_a_large_delivery_is_judged_from_its_files(world, rows):
    """More than a delivery holds in memory: the rows come back from the files they went to. DuckDB is the judge."""
    person = world.people[0]
    made = [line(0, person if i % 997 else world.people[1], "A2.07", n=i + 10, frequenza="O", stato="liquidata") for i in range(rows)]
    for i, row in enumerate(made):
        row["id_erogazione"] = f"NRM51-2025-{i:07}/010"
        row["servizio_esteso"] = "x" * 400
    report = world.deliver("sigess.erogazioni", made)
    wrong = {2 + i for i in range(rows) if i % 997 == 0}
    contract = tomllib.loads((ROOT / "datasets/sigess/erogazioni.toml").read_text())
    rule = next(rule["sql"] for rule in contract["set_rule"] if rule["id"] == "riga_dell_intervento")
    duck = duckdb.connect()
    duck.execute("CREATE SCHEMA sigess; CREATE TABLE sigess.interventi(id_intervento VARCHAR, id_persona VARCHAR, codice_prestazione VARCHAR)")
    duck.executemany("INSERT INTO sigess.interventi VALUES (?, ?, ?)", [(f"NRM51-2025-{i:06}", p.code, "A2.07") for i, p in enumerate(world.people)])
    duck.execute("CREATE TABLE consegna(riga_consegna BIGINT, id_intervento VARCHAR, id_persona VARCHAR, codice_prestazione VARCHAR)")
    import pyarrow as pa

    duck.register("made", pa.table({"l": range(2, rows + 2), "i": [r["id_intervento"] for r in made], "p": [r["id_persona"] for r in made]}))
    duck.execute("INSERT INTO consegna SELECT l, i, p, 'A2.07' FROM made")
    assert {row[0] for row in duck.execute(rule).fetchall()} == wrong
    assert (report["refused"], report["accepted"]) == (len(wrong), rows - len(wrong))


def test_rules_that_need_too_much_memory_refuse_the_file_and_it_can_be_sent_again(world):
    """The very same file: what was refused whole is judged anew, what was loaded is not."""
    person, many = world.people[1], range(1_000, 13_000)
    world.accept("sigess.interventi", [intervention(i, person, "disabili", "A2.07", id_caso="CRM51-2025-000001") for i in many])
    rows = [line(i, person, "A2.07") for i in many]
    before = world.rows("SELECT count(*) FROM sigess.erogazioni")
    small = world.deliver("sigess.erogazioni", rows, flags=("--rule-memory", "1"))
    assert (small["outcome"], small["table_version"], refused(small)) == ("rifiutata", None, [(None, "delivery.rule_memory")])
    assert all("--rule-memory" in text and " 1 MiB" in text for text in small["violations"][0]["message"].values())
    assert world.rows("SELECT count(*) FROM sigess.erogazioni") == before
    again = world.deliver("sigess.erogazioni", rows)
    assert (again["outcome"], again["accepted"], again["duplicate"]) == ("accettata", len(many), False), again["violations"][:3]
    assert again["id"] != small["id"]
    third = world.deliver("sigess.erogazioni", rows)
    assert (third["id"], third["duplicate"]) == (again["id"], True)


def test_a_file_refused_for_what_was_not_there_yet_is_judged_anew(siss, tmp_path):
    world = persons.World(siss, tmp_path / "data")
    one = Person(0)
    cases = [case(0, one, "disabili")]
    early = world.deliver("sigess.casi", cases)
    assert early["outcome"] == "rifiutata"
    world.accept("sigess.persone", [one.row()])
    late = world.accept("sigess.casi", cases)
    assert (late["accepted"], late["duplicate"]) == (1, False) and late["hash"] == early["hash"]
    assert world.deliver("sigess.casi", cases)["duplicate"] is True


@pytest.mark.accept
def test_repeated_keys_of_a_file_too_large_to_remember_its_keys_are_refused(lake, siss, tmp_path):
    """Two million rows, twenty of them with the key of a row far above: each is refused, and every other is there once."""
    file, data, rows = tmp_path / "molte.csv", tmp_path / "data", 2_000_000
    shutil.copytree(lake, data)
    last = rows - 20
    facility = f"printf('S058091-%08d', CASE WHEN n > {last} THEN n - {last} ELSE n END) AS codice_struttura, 'Struttura ' || n AS denominazione, '058091' AS codice_istat, 'mensa_sociale' AS tipo, 'poverta' AS utenza, 'Via Roma, 1' AS indirizzo, false AS indirizzo_riservato, 'Gestore' AS gestore, 'impresa' AS natura_gestore, 20 AS posti, DATE '2020-01-01' AS data_attivazione"
    duckdb.execute(f"COPY (SELECT {facility} FROM range(1, {rows + 1}) t(n)) TO '{file}' (HEADER)")
    report = json.loads(siss("deliver", file, "--data", data, "--dataset", "assa.strutture", "--sender", "058091", "--period", "2026-10", "--json").stdout)
    assert (report["accepted"], report["refused"], report["added"]) == (rows - 20, 20, rows - 20)
    assert refused(report) == [(line, "key.unique") for line in range(rows - 18, rows + 2)]
    # As they were sent, to be corrected.
    header, *sent = csv.reader((data / f"landing/assa/strutture/{report['id']}/refused.csv").open(newline=""))
    assert header[:3] == ["riga", "codice_struttura", "denominazione"]
    assert [row[:3] for row in sent] == [[str(n + 1), f"S058091-{n - last:08}", f"Struttura {n}"] for n in range(last + 1, rows + 1)]
    parts = [str(part) for part in (data / "tables/assa/strutture").glob("*.parquet")]
    count = duckdb.execute(f"SELECT count(*), count(DISTINCT codice_struttura) FROM read_parquet({parts!r}) WHERE id_consegna = '{report['id']}'").fetchone()
    assert count == (rows - 20, rows - 20)

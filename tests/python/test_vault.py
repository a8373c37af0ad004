"""Who persons are never leaves the vault: not in tables, reports, quarantine, REST or logs; erasure leaves no trace in any byte."""

import csv
import io
import json
import re
import shutil
import stat

import pytest

import persons
from conftest import serving
from persons import Person, case, found, intervention, line


@pytest.fixture(scope="module")
def world(siss, tmp_path_factory):
    world = persons.World(siss, tmp_path_factory.mktemp("vault") / "data")
    world.people = [Person(i) for i in range(6)]
    world.report = world.accept("sigess.persone", [p.row() for p in world.people])
    world.accept("sigess.casi", [case(i, p, "disabili") for i, p in enumerate(world.people)])
    world.accept("sigess.interventi", [intervention(i, p, "disabili", "A2.07") for i, p in enumerate(world.people)])
    return world


def said(person):
    return [person.code, person.surname, "Via del Mulino"]


def test_the_lake_knows_pseudonyms_only(world):
    rows = world.rows("SELECT * FROM sigess.persone")
    assert {"id_persona", "anno_nascita", "sesso"} <= set(rows[0]) and not {"cognome", "nome", "data_nascita", "indirizzo"} & set(rows[0])
    pseudonyms = {row["id_persona"] for row in rows}
    assert len(pseudonyms) == 6 and all(re.fullmatch("[0-9a-f]{32}", p) for p in pseudonyms)
    assert {row["id_persona"] for row in world.rows("SELECT id_persona FROM sigess.casi")} == pseudonyms
    for person in world.people:
        assert found(world.data, *said(person)) == []


def test_the_vault_is_its_owners_alone(world):
    for name, mode in [("vault", 0o700), ("vault/key", 0o600), ("vault/vault.db", 0o600)]:
        assert stat.S_IMODE((world.data / name).stat().st_mode) == mode


def test_a_vault_without_its_key_or_with_another_is_refused(world, siss, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(world.data, data)
    key = data / "vault/key"
    text = key.read_text()
    key.write_text("0" * 64)
    assert "chiave" in (other := siss("deliver", __file__, "--dataset", "sigess.persone", "--sender", "RM 5.1", "--period", "2025", "--data", data)).stderr + other.stdout or other.returncode == 1
    key.unlink()
    missing = siss("siuss", "--data", data)
    assert missing.returncode == 1 and not key.exists(), missing.stderr
    key.write_text(text)
    assert siss("siuss", "--data", data).returncode == 0


def test_nothing_shown_says_who(world, siss):
    bad = [
        world.people[0].row(sesso="M"),  # contradicts the code
        world.people[1].row(id_persona=world.people[1].code[:-1] + "?"),
        world.people[2].row(luogo_nascita=world.people[2].code),  # the code in the wrong column
        world.people[3].row(codice_istat=world.people[3].surname),  # the name in an open column
        Person(9).row(codice_istat="999999"),
    ]
    report = world.deliver("sigess.persone", bad)
    rules = {(v["line"], v["rule"]): v["value"] for v in report["violations"]}
    assert rules[(3, "id_persona.fiscal_code")] == "***" and rules[(6, "codice_istat.references")] == "999999"
    assert rules[(5, "codice_istat.references")] == "***"
    folder = world.data / "landing/sigess/persone" / report["id"]
    refused = list(csv.DictReader(io.StringIO((folder / "refused.csv").read_text())))
    assert {row["cognome"] for row in refused} == {"***"} == {row["id_persona"] for row in refused} and refused[4]["codice_istat"] == "999999"
    for person in [*world.people, Person(9)]:
        hits = found(world.data, person.code, person.code[:-1], person.surname)
        assert hits == [] and not any(text in json.dumps(report) for text in (person.code, person.surname))


def test_a_file_without_header_or_with_ragged_rows_shows_nobody(world):
    person = world.people[0]
    for text in [
        ",".join(str(v) for v in person.row().values()) + "\n",
        persons.as_csv([person.row()]).rstrip() + f",{person.surname},{person.code}\n",
    ]:
        report = world.deliver("sigess.persone", text)
        assert report["outcome"] == "rifiutata"
        assert person.surname not in json.dumps(report) and person.code not in json.dumps(report), report
    assert found(world.data, *said(person)) == []


def test_every_door_and_the_log_are_silent(world, siss):
    siss("user", "--data", world.data, "add", "amministratore", "--role", "amministratore")
    siss("user", "--data", world.data, "add", "distretto", "--role", "distretto", "--fact", "ambito=RM 5.1")
    import requests

    with serving(world.data, "--log", "debug") as server:
        for account in ("amministratore", "distretto"):
            headers = {"Authorization": f"Bearer {server.token(account)}"}
            for dataset in ("sigess/persone", "sigess/casi", "sistema/violations", "sistema/audit"):
                answer = requests.get(f"{server.http}/api/v1/datasets/{dataset}/rows.json", headers=headers)
                for person in world.people:
                    assert person.code not in answer.text and person.surname not in answer.text
        unknown = requests.post(f"{server.http}/api/v1/sql.json", headers=headers, json={"sql": "SELECT cognome FROM sigess.persone"})
        assert unknown.status_code == 400
        body = persons.as_csv([world.people[0].row(sesso="M")]).encode()
        sent = requests.post(f"{server.http}/api/v1/deliveries", params={"dataset": "sigess.persone", "sender": "RM 5.1", "period": "2025"}, data=body, headers=headers | {"Content-Type": "text/csv"})
        assert sent.status_code == 201 and world.people[0].code not in sent.text
        for suffix in (".csv", ".refused.csv"):
            listed = requests.get(f"{server.http}/api/v1/deliveries/{sent.json()['id']}{suffix}", headers=headers)
            assert listed.status_code == 200 and world.people[0].code not in listed.text and world.people[0].surname not in listed.text
        server.log.seek(0)
        log = server.log.read()
    assert not any(text in log for person in world.people for text in (person.code, person.surname))


def test_a_killed_delivery_leaves_no_clear_bytes_and_is_finished(world, siss, tmp_path):
    """The received bytes are sealed on disk and still read after a crash: the receipt alone is enough."""
    data = tmp_path / "data"
    shutil.copytree(world.data, data)
    folder = data / "landing/sigess/persone" / world.report["id"]
    assert (folder / "raw").read_bytes().startswith(b"SISS sealed 1\n")
    report = json.loads((folder / "report.json").read_text())
    # As if it had been killed before its report: the receipt is open, the table does not hold it.
    for file in ("report.json", f"../../../_reports/{report['id']}.json"):
        (folder / file).unlink()
    shutil.rmtree(data / "tables/sigess/persone")
    fields = {"id", "dataset", "sender", "period", "account", "file", "mapping", "received", "bytes", "hash"}
    (data / "landing/_open").mkdir(exist_ok=True)
    (data / f"landing/_open/{report['id']}.json").write_text(json.dumps({k: v for k, v in report.items() if k in fields}))
    with serving(data):
        pass
    world_again = persons.World.__new__(persons.World)
    world_again.data = data
    assert len(world_again.rows("SELECT * FROM sigess.persone")) == 6


def test_erasure_leaves_no_trace(world, siss, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(world.data, data)
    copy = persons.World.__new__(persons.World)
    copy.siss, copy.data, copy.files = siss, data, tmp_path
    gone, stays = world.people[4], world.people[5]
    # Two versions of the same person, a refused row that names them wrongly, a file of lines, a flow.
    copy.accept("sigess.persone", [gone.row(indirizzo="Via Nuova 1", anno_decesso="2026")], period="2026")
    copy.deliver("sigess.persone", [stays.row(), gone.row(id_persona="AAAAAA00A00A000A")], period="2024")
    copy.accept("sigess.erogazioni", [line(4, gone, "A2.07", in_carico="no"), line(5, stays, "A2.07", in_carico="no")])
    assert json.loads(siss("siuss", "--data", data).stdout)["flows"] == 2
    before = copy.rows("SELECT count(*) AS n, count(DISTINCT id_persona) AS p FROM sigess.casi")
    pseudonym = copy.rows("SELECT id_persona FROM sigess.erogazioni WHERE id_erogazione = 'NRM51-2025-000004/001'")[0]["id_persona"]
    assert found(data, pseudonym)

    done = siss("erase", "--fiscal-code-stdin", "--reason", "richiesta dell'interessato", "--data", data, input=gone.code.lower() + "\n")
    assert done.returncode == 0, done.stderr
    done = json.loads(done.stdout)
    # Three files of the module name them (persons, cases, interventions), and three of this test.
    assert done["known"] and done["flows"] == 1 and done["files"] >= 6 and done["rows"] >= 5
    assert found(data, gone.code, gone.surname, pseudonym) == []

    assert copy.rows("SELECT count(*) AS n, count(DISTINCT id_persona) AS p FROM sigess.casi") == before
    new = copy.rows("SELECT id_persona FROM sigess.erogazioni WHERE id_erogazione = 'NRM51-2025-000004/001'")[0]["id_persona"]
    assert new != pseudonym and copy.rows(f"SELECT count(*) AS n FROM sigess.persone WHERE id_persona = '{new}'")[0]["n"] == 1
    assert [row["oggetto"] for row in copy.rows("SELECT * FROM sistema.audit ORDER BY quando")].count("cancellazione") == 1
    # The lake goes on: the others can be delivered, and the flows of the other person still stand.
    copy.accept("sigess.persone", [stays.row(indirizzo="Via Nuova 2")], period="2026")
    assert json.loads(siss("siuss", "--data", data).stdout)["revoked"] == 0
    # Erased once more, nothing is left to do.
    again = json.loads(siss("erase", "--fiscal-code-stdin", "--reason", "di nuovo", "--data", data, input=gone.code).stdout)
    assert (again["known"], again["rows"], again["flows"], again["files"]) == (False, 0, 0, 0)

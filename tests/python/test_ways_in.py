"""Files that come by the watched folder and by `siss deliver` while a server works on the same data; what is refused, corrected and sent again."""

import csv
import hashlib
import io
import json
import pathlib
import shutil
import time

import pytest
import requests

import conftest
import deliveries

SENDER = "058120"


@pytest.fixture(scope="module")
def here(lake, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ways")
    data = shutil.copytree(lake, folder / "data")
    with conftest.serving(data, "--inbox", folder / "inbox") as server:
        server.inbox, server.model = folder / "inbox", deliveries.model(data, SENDER)
        yield server


def facilities(here, *codes):
    return deliveries.facilities(here.model, [f"S{SENDER}{c}" if c.startswith("-") else c for c in codes])


def until(check, seconds=20):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)
    return found


def sql(here, text, account="steward"):
    answer = requests.post(f"{here.http}/api/v1/sql", json={"sql": text}, auth=(account, here.password), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def stored(here, pattern):
    return [r["codice_struttura"] for r in sql(here, f"SELECT codice_struttura FROM assa.strutture WHERE codice_struttura LIKE '{pattern}' ORDER BY 1")]


def test_workers_are_shut_off(here):
    """Every thread of them: what keeps a thread in keeps it from new rights too."""
    assert sql(here, "SELECT 1 AS uno") == [{"uno": 1}]
    status = lambda path: dict(line.split(":", 1) for line in path.read_text().splitlines())
    processes = [status(path) for path in pathlib.Path("/proc").glob("[0-9]*/status")]
    workers = [one["Pid"].strip() for one in processes if one["PPid"].strip() == str(here.process.pid)]
    threads = [status(path)["NoNewPrivs"].strip() for worker in workers for path in pathlib.Path(f"/proc/{worker}/task").glob("*/status")]
    assert len(threads) > len(workers) > 1 and set(threads) == {"1"}


def test_files_of_the_inbox_are_delivered_and_reported_beside(here):
    def put(dataset, name, body):
        folder = here.inbox / dataset / SENDER / "2026-10"
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{name}.part"
        part.write_bytes(body)
        return part.rename(folder / name) if not name.startswith("lento") else part

    def report(folder, dataset, name):
        path = here.inbox / folder / dataset / SENDER / "2026-10" / f"{name}.report.json"
        until(lambda: path.exists() and path.with_name(name).exists())
        return json.loads(path.read_text())

    put("assa.strutture", "buono.csv", facilities(here, "-81001", "-81002"))
    put("assa.strutture", "misto.csv", facilities(here, "-81003", "XX"))
    put("assa.assente", "altro.csv", facilities(here, "-81004"))
    slow = put("assa.strutture", "lento.csv", facilities(here, "-81005"))
    good = report("_done", "assa.strutture", "buono.csv")
    assert (good["outcome"], good["accepted"], good["account"]) == ("accettata", 2, "cartella")
    mixed = report("_done", "assa.strutture", "misto.csv")
    assert (mixed["outcome"], mixed["accepted"], mixed["refused"]) == ("parziale", 1, 1)
    assert "assa.assente" in report("_refused", "assa.assente", "altro.csv")["it"]
    assert slow.exists(), "a file that is still being copied is left alone"
    assert until(lambda: stored(here, f"S{SENDER}-8100_")) == [f"S{SENDER}-8100{n}" for n in (1, 2, 3)]
    assert until(lambda: sql(here, f"SELECT esito FROM sistema.deliveries WHERE consegna = '{mixed['id']}'")) == [{"esito": "parziale"}]


def deliver(siss, here, file, *options):
    return siss("deliver", file, "--data", here.data, "--dataset", "assa.strutture", "--sender", SENDER, "--period", "2026-11", "--json", *options)


def test_the_command_delivers_beside_a_server(siss, here, tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(facilities(here, "-82001"))
    done = deliver(siss, here, file)
    assert done.returncode == 0 and json.loads(done.stdout)["accepted"] == 1, done.stderr
    assert until(lambda: stored(here, f"S{SENDER}-82001"), 10)
    allowed = deliver(siss, here, file, "--account", "comune_058120")
    assert allowed.returncode == 0 and json.loads(allowed.stdout)["duplicate"] is True
    forbidden = deliver(siss, here, file, "--account", "comune_058091")
    assert forbidden.returncode == 1 and SENDER in forbidden.stderr and not forbidden.stdout


def test_refused_rows_are_corrected_and_sent_again(here):
    def send(body):
        about = {"dataset": "assa.strutture", "sender": SENDER, "period": "2026-12"}
        return requests.post(f"{here.http}/api/v1/deliveries", params=about, data=body, auth=("comune_058120", here.password), timeout=60)

    def get(path):
        return requests.get(here.http + path, auth=("comune_058120", here.password), timeout=60).text

    first = send(facilities(here, "-83001", "XX"))
    where = first.headers["location"]
    assert first.json()["report"]["refused"] == 1
    (violation,) = csv.DictReader(io.StringIO(get(where + ".csv")))
    assert (violation["riga"], violation["colonna"], violation["valore"]) == ("3", "codice_struttura", "XX")
    corrected = get(where + ".refused.csv").replace("XX", f"S{SENDER}-83002")
    assert send(corrected.encode()).json()["report"]["outcome"] == "accettata"
    assert stored(here, f"S{SENDER}-8300_") == [f"S{SENDER}-83001", f"S{SENDER}-83002"]


def test_what_is_wrong_with_the_whole_file_is_recorded_too(siss, here, tmp_path):
    def refused(name, body, code, outcome="rifiutata"):
        file = tmp_path / name
        file.write_bytes(body)
        done = deliver(siss, here, file)
        assert done.returncode == code, done.stderr
        report = json.loads(done.stdout)
        assert report["outcome"] == outcome and report["violations"][0]["line"] is None
        return report["id"], report["violations"][0]["rule"]

    binary = refused("a.csv", bytes(range(256)) * 20, 4)
    headless = refused("b.csv", b"Ada,Rossi\nUgo,Bianchi\n", 4)
    added = refused("c.csv", facilities(here, "-84001").replace(b"\n", b",altra\n", 1).replace(b"\n", b",x\n").replace(b",altra,x\n", b",altra\n"), 0, "accettata")
    for identity, rule in [binary, headless, added]:
        rows = until(lambda: sql(here, f"SELECT riga, regola, messaggio_it FROM sistema.violations WHERE consegna = '{identity}'"), 10)
        assert rule in {r["regola"] for r in rows} and {r["riga"] for r in rows} == {0}
        assert "Ada" not in str(rows)


def test_stewards_read_the_sentence_and_senders_the_value_too(here):
    watched = sql(here, "SELECT colonna, regola, messaggio_it, messaggio_en FROM sistema.violations WHERE regola = 'codice_struttura.pattern' AND ente = '058120'")
    assert watched and all("«…» nel campo" in r["messaggio_it"] and "XX" not in str(r) for r in watched)
    columns = {c["name"] for c in requests.get(f"{here.http}/api/v1/datasets/sistema/violations", auth=("steward", here.password), timeout=60).json()["columns"]}
    assert "messaggio_it" in columns and "valore" not in columns
    own = sql(here, "SELECT DISTINCT valore FROM sistema.violations WHERE regola = 'codice_struttura.pattern'", "comune_058120")
    assert {"valore": "XX"} in own


def test_bounds_are_said_plainly(siss, here, tmp_path):
    def said(name, body):
        file = tmp_path / name
        file.write_bytes(body)
        done = deliver(siss, here, file, "--lang", "en")
        return done.returncode, done.stderr + done.stdout

    for name, body, code, word in [
        ("empty.csv", b"", 1, "empty"),
        ("cell.csv", b"codice_struttura\n" + b"x" * 5_000_000 + b"\n", 4, "1048576"),
        ("wide.csv", ",".join(map(str, range(60_000))).encode() + b"\n1\n", 4, "2000"),
        ("nested.json", b"[" * 100_000, 4, ""),
    ]:
        returned, text = said(name, body)
        assert returned == code and word in text, (name, returned, text[:1_000])


def test_a_delivery_that_cannot_be_finished_stops_no_start(siss, lake, tmp_path):
    """Received and acknowledged, then a crash; and the mapping that it names is gone. It stays open, and another one beside it is finished."""
    data = shutil.copytree(lake, tmp_path / "data")
    model = deliveries.model(data, SENDER)
    for n, mapping in (("a", "svanita"), ("b", None)):
        raw = deliveries.facilities(model, [f"S{SENDER}-77{ord(n)}"])
        receipt = {"id": n * 32, "dataset": "assa.strutture", "sender": SENDER, "period": "2026-10", "account": "steward", "file": "x.csv", "mapping": mapping,
                   "received": "2026-11-01T10:00:00Z", "bytes": len(raw), "hash": hashlib.sha256(raw).hexdigest(), "duplicate": False}
        folder = data / "landing/assa/strutture" / receipt["id"]
        folder.mkdir(parents=True)
        (folder / "raw").write_bytes(raw)
        (data / "landing/_open").mkdir(exist_ok=True)
        (data / f"landing/_open/{receipt['id']}.json").write_text(json.dumps(receipt))
    with conftest.serving(data) as server:
        ask = lambda n: requests.get(f"{server.http}/api/v1/deliveries/{n * 32}", auth=("steward", server.password), timeout=60).json()
        assert (ask("a")["state"], ask("b")["state"]) == ("received", "done") and ask("b")["report"]["accepted"] == 1
        server.log.seek(0)
        assert "could not be finished" in server.log.read()

"""The log of who did what: what is in it, what is not, and that nobody changes it unseen."""

import json
import os
import shutil
import signal
import subprocess
import time

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import psycopg
import pytest
import requests

import conftest
import deliveries
import persons
from desk import Browser

DISTRICT, COMUNE, ADMIN = "distretto_rm_5_1", "comune_058091", "amministratore"
WRONG = "unaPasswordSbagliata!"
# Where the tests come from: a log must not say it.
ADDRESS = "127.0.0.1"


class Log:
    """The log of a folder, read by the program and by its own bytes."""

    def __init__(self, siss, data):
        self.siss, self.data, self.folder = siss, data, data / "audit"

    def verify(self, *options):
        done = self.siss("audit", "verify", "--data", self.data, "--json", *options)
        assert done.returncode in (0, 4), done.stderr
        verdict = json.loads(done.stdout)
        assert verdict["whole"] == (done.returncode == 0)
        return verdict

    def whole(self, *options):
        verdict = self.verify(*options)
        assert verdict["whole"], verdict
        return verdict["log"]

    def records(self):
        return [json.loads(line) for file in self.segments() for line in file.read_bytes().splitlines()]

    def segments(self):
        return sorted(self.folder.glob("0*.log"))

    def found(self, **wanted):
        return [r for r in self.records() if all(r[name] == value for name, value in wanted.items())]


def postgres(server, account, password=None):
    host, port = server.postgres.rsplit(":", 1)
    return psycopg.connect(host=host, port=int(port), dbname="siss", user=account, password=password or server.password, autocommit=True)


def mirrored(server, where="true"):
    """Rows of sistema.audit, once the mirror has followed the log as it is now."""
    seq = json.loads((server.data / "audit/000001.log").read_bytes().splitlines()[-1])["seq"]
    for _ in range(100):
        with postgres(server, ADMIN) as connection:
            newest = connection.execute("SELECT max(progressivo) FROM sistema.audit").fetchone()[0]
            if newest is not None and newest >= seq:
                cursor = connection.execute(f"SELECT * FROM sistema.audit WHERE {where} ORDER BY progressivo")
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
        time.sleep(0.2)
    raise AssertionError("sistema.audit does not follow the log")


@pytest.fixture(scope="module")
def here(lake, siss, tmp_path_factory):
    data = shutil.copytree(lake, tmp_path_factory.mktemp("audit") / "data")
    with conftest.serving(data) as server:
        server.log_of_acts = Log(siss, data)
        yield server


@pytest.fixture
def log(here):
    return here.log_of_acts


def test_sign_ins_by_every_door_are_recorded_and_so_is_who_was_turned_away(here, log):
    browser = Browser(here)
    assert browser.enter(COMUNE, WRONG).status_code == 403
    assert browser.enter(COMUNE, here.password).status_code == 303
    assert browser.post("/esci", word=browser.word("/accedi")).status_code == 303
    for secret, status in [(WRONG, 401), (here.password, 200), (here.password, 200), (here.password, 200)]:
        assert requests.get(f"{here.http}/api/v1/datasets", auth=(COMUNE, secret), timeout=60).status_code == status
    # A name that nobody has may be a password, or a person's.
    assert requests.get(f"{here.http}/api/v1/datasets", auth=("segretodimario", "x"), timeout=60).status_code == 401
    token = here.token(COMUNE)
    for text in (token, token, "siss_" + "x" * 43):
        requests.get(f"{here.http}/api/v1/datasets", headers={"Authorization": f"Bearer {text}"}, timeout=60)
    with pytest.raises(psycopg.OperationalError):
        postgres(here, COMUNE, WRONG)
    postgres(here, COMUNE).close()
    with flight_sql.connect(here.flight, db_kwargs={"username": COMUNE, "password": here.password}, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 AS uno")
    with pytest.raises(adbc_driver_manager.Error):
        with flight_sql.connect(here.flight, db_kwargs={"username": COMUNE, "password": WRONG}, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 AS uno")

    ours = [(r["door"], r["object"], r["outcome"], r["account"]) for r in log.records() if r["action"] == "accesso"]
    assert ours.count(("http", "password", "rifiutato", COMUNE)) == 2  # the form and Basic
    assert ours.count(("http", "password", "ok", COMUNE)) == 2  # the form, and Basic once for three requests
    assert ours.count(("http", "token", "ok", COMUNE)) == 1
    assert ours.count(("http", "token", "rifiutato", "ignoto")) == 1
    # libpq tries again without TLS.
    assert ours.count(("postgres", "password", "rifiutato", COMUNE)) in (1, 2) and ours.count(("postgres", "password", "ok", COMUNE)) == 1
    assert ours.count(("flight", "password", "ok", COMUNE)) == 1 and ours.count(("flight", "password", "rifiutato", COMUNE)) >= 1
    unknown = [r for r in log.records() if r["account"].startswith("ignoto:")]
    assert len(unknown) == 1 and "segretodimario" not in json.dumps(unknown)
    assert [r["account"] for r in log.found(action="uscita")] == [COMUNE]
    assert log.found(action="amministrazione", object=f"utenza {COMUNE}")[-1]["account"].startswith("os:")
    came = {r["from"] for r in log.records() if r["door"] == "http"}
    assert len(came) == 1 and len(came.pop()) == 16
    rows = mirrored(here, "azione = 'accesso'")
    assert [row["progressivo"] for row in rows] == [r["seq"] for r in log.found(action="accesso")][: len(rows)] and len(rows) >= len(ours)


def test_a_flood_of_wrong_passwords_is_seen_and_does_not_fill_the_disk(here, log):
    for _ in range(40):
        requests.get(f"{here.http}/api/v1/datasets", auth=("ispettore", WRONG), timeout=60)
    assert 5 <= len(log.found(action="accesso", account="ispettore", outcome="rifiutato")) <= 20


def test_reads_of_persons_by_every_door_are_recorded_before_the_rows_leave(here, log):
    auth = (DISTRICT, here.password)
    with postgres(here, DISTRICT) as connection:
        count = len(connection.execute("SELECT id_caso FROM sigess.casi LIMIT 7").fetchall())
        connection.execute("SELECT count(*) FROM sigess.persone p JOIN sigess.casi c ON c.id_persona = p.id_persona").fetchall()
    shown = requests.get(f"{here.http}/api/v1/datasets/sigess/casi/rows.json?limit=5", auth=auth, timeout=60)
    taken = requests.get(f"{here.http}/api/v1/datasets/sigess/persone/rows.csv", auth=auth, timeout=60)
    asked = requests.post(f"{here.http}/api/v1/sql.json", auth=auth, json={"sql": "SELECT * FROM sigess.emergenze WHERE id_emergenza = 'RSSMRA80A01H501U'"}, timeout=60)
    assert [answer.status_code for answer in (shown, taken, asked)] == [200, 200, 200]
    with flight_sql.connect(here.flight, db_kwargs={"username": DISTRICT, "password": here.password}, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sigess.isee LIMIT 3")
        fetched = cursor.fetch_arrow_table().num_rows
    browser = Browser(here, DISTRICT)
    browser.get("/dataset/sigess/valutazioni")
    # What a query would do is told with counts of rows: whether a person is there.
    assert browser.post("/sql", {"sql": "SELECT 1 FROM sigess.minori_storia WHERE id_persona = 'x'", "azione": "piano"}).status_code == 200

    reads = {(r["door"], r["action"], r["object"]): r for r in log.records() if r["account"] == DISTRICT and r["action"] in ("lettura", "esportazione")}
    assert reads["postgres", "lettura", "sigess.casi"]["count"] == count
    assert reads["postgres", "lettura", "sigess.casi, sigess.persone"]["count"] == 1
    assert reads["http", "lettura", "sigess.casi"]["count"] >= len(shown.json()["rows"])
    assert ("http", "esportazione", "sigess.persone") in reads and ("http", "lettura", "sigess.emergenze") in reads
    assert reads["flight", "lettura", "sigess.isee"]["count"] == fetched
    assert ("http", "lettura", "sigess.valutazioni") in reads and reads["http", "lettura", "sigess.minori"]["count"] == 0
    assert {r["role"] for r in reads.values()} == {"distretto"} and {r["outcome"] for r in reads.values()} == {"ok"}
    mirror = mirrored(here, f"account = '{DISTRICT}' AND azione IN ('lettura', 'esportazione')")
    assert {(row["porta"], row["azione"], row["riferimento"]) for row in mirror} == set(reads)
    assert all(row["oggetto"] is None and row["impronta"] and row["registro"] for row in mirror)


def test_who_sees_no_person_leaves_no_record_and_a_stranger_neither(here, log):
    before = len(log.found(action="lettura"))
    with postgres(here, "pianificatore") as connection:
        connection.execute("SELECT count(*) FROM sigess.casi").fetchall()
    assert requests.get(f"{here.http}/api/v1/datasets/assa/strutture/rows.json?limit=5", timeout=60).status_code == 200
    assert len(log.found(action="lettura")) == before


def test_who_reads_the_log_is_in_the_log(here, log):
    before = len(log.found(action="lettura", object="sistema.audit", account=ADMIN))
    assert requests.get(f"{here.http}/api/v1/datasets/sistema/audit/rows.json?limit=1", auth=(ADMIN, here.password), timeout=60).status_code == 200
    shown = here.log_of_acts.siss("audit", "show", "--data", here.data, "--action", "accesso", "--account", COMUNE)
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    assert records and {(r["action"], r["account"]) for r in records} == {("accesso", COMUNE)}
    reads = log.found(action="lettura", object="sistema.audit", account=ADMIN)
    assert len(reads) == before + 1
    assert log.found(action="lettura", object="registro")[0]["door"] == "comando"
    refused = requests.get(f"{here.http}/api/v1/datasets/sistema/audit/rows.json", auth=(COMUNE, here.password), timeout=60)
    assert refused.status_code == 404


def test_a_delivery_and_what_came_of_it(here, log):
    row = deliveries.model(here.data)
    body = deliveries.facilities(row, ["S058091-99990001", "S058091-99990002"])
    about = {"dataset": "assa.strutture", "sender": "058091", "period": "2026-10"}
    sent = requests.post(f"{here.http}/api/v1/deliveries", params=about, data=body, headers={"Content-Type": "text/csv"}, auth=(COMUNE, here.password), timeout=120)
    assert sent.status_code == 201, sent.text
    named = f"assa.strutture {sent.json()['id']}"
    received, worked = log.found(action="consegna", object=named), log.found(action="elaborazione", object=named)
    assert len(received) == len(worked) == 1
    assert (received[0]["account"], received[0]["door"], received[0]["why"]) == (COMUNE, "http", "058091, 2026-10")
    assert (worked[0]["outcome"], worked[0]["count"]) == ("ok", 2) and received[0]["seq"] < worked[0]["seq"]
    nobody = requests.post(f"{here.http}/api/v1/certifications", json={"dataset": "assa.strutture", "periodo": "2026-10", "ente": "058120"}, auth=(COMUNE, here.password), timeout=60)
    assert nobody.status_code == 403
    assert [r["outcome"] for r in log.found(action="certificazione", account=COMUNE)] == ["rifiutato"]


def test_server_and_commands_write_one_chain(here, log):
    running = [subprocess.Popen([conftest.binary(), "user", "--data", here.data, "sign-out", COMUNE], env=conftest.environment()) for _ in range(6)]
    for _ in range(10):
        postgres(here, COMUNE).close()
    assert [process.wait(60) for process in running] == [0] * 6
    assert len(log.found(action="amministrazione", object=f"utenza {COMUNE}", why="sessioni chiuse")) == 6
    log.whole()


def test_killed_it_stays_whole_and_the_mirror_catches_up_once(here, log, lake, siss, tmp_path):
    data = shutil.copytree(lake, tmp_path / "data")
    server = conftest.serving(data)
    at = server.__enter__()
    for _ in range(5):
        postgres(at, COMUNE).close()
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(30)
    own = Log(siss, data)
    assert own.whole()["last"] >= 6
    with conftest.serving(data) as again:
        rows = mirrored(again, "registro IS NOT NULL")
        log_now = Log(siss, data)
        hashes = {r["seq"]: r["hash"] for r in log_now.records()}
        assert [row["progressivo"] for row in rows] == list(range(1, len(rows) + 1)), "each record once, in order"
        assert all(hashes[row["progressivo"]] == row["impronta"] for row in rows)
        assert len([row for row in rows if row["azione"] == "avvio"]) == len([r for r in log_now.records() if r["action"] == "avvio"]) >= 2
    assert own.whole()["sealed"] == own.whole()["last"], "what ended well is signed to its end"
    assert [r["action"] for r in own.records()][-1] == "arresto"


@pytest.fixture
def stopped(lake, siss, tmp_path):
    """A log of some records, on which no server runs."""
    data = shutil.copytree(lake, tmp_path / "data")
    with conftest.serving(data) as server:
        for _ in range(3):
            postgres(server, COMUNE).close()
    return Log(siss, data)


def test_a_changed_byte_a_missing_record_and_a_cut_end_are_named(stopped):
    anchor = stopped.folder.parent / "anchor"
    anchor.write_text(stopped.siss("audit", "checkpoint", "--data", stopped.data).stdout)
    whole = stopped.whole("--checkpoint", anchor)
    file = stopped.segments()[-1]
    bytes_before = file.read_bytes()
    lines = bytes_before.splitlines(keepends=True)

    third = sum(map(len, lines[:2]))
    file.write_bytes(bytes_before.replace(lines[2], lines[2].replace(b'"outcome":"ok"', b'"outcome":"ko"')))
    assert stopped.verify()["broken"] == {"seq": 3, "file": file.name, "offset": third, "reason": "changed"}
    said = stopped.siss("audit", "verify", "--data", stopped.data)
    assert said.returncode == 4 and f"la registrazione 3 non è quella che fu scritta ({file.name}, byte {third})" in said.stdout
    said = stopped.siss("audit", "verify", "--data", stopped.data, "--lang", "en")
    assert "record 3 is not what was written" in said.stdout
    file.write_bytes(b"".join(lines[:1] + lines[2:]))
    assert stopped.verify()["broken"]["reason"] == "missing" and stopped.verify()["broken"]["seq"] == 2
    file.write_bytes(b"".join(lines[:-1]))
    broken = stopped.verify()["broken"]
    assert (broken["reason"], broken["seq"]) == ("truncated", whole["last"])
    refused = stopped.siss("user", "--data", stopped.data, "list")
    assert refused.returncode == 1 and "siss audit verify" in refused.stderr, "nothing is done that a damaged log would hide"

    # Whoever holds the folder can take the checkpoints away too: one that was kept elsewhere tells.
    checkpoints = stopped.folder / "checkpoints.log"
    kept = checkpoints.read_bytes()
    checkpoints.write_bytes(b"")
    assert stopped.verify()["whole"] and not stopped.verify("--checkpoint", anchor)["whole"]
    checkpoints.write_bytes(kept)
    file.write_bytes(bytes_before)
    stopped.whole("--checkpoint", anchor)
    other = stopped.siss("audit", "verify", "--data", stopped.data, "--public-key", "0" * 64)
    assert other.returncode == 4


def test_a_log_behind_its_mirror_is_not_gone_on_with_in_silence(stopped):
    """The lake knows records that the log does not have any more: somebody took them and the checkpoints away."""
    file = stopped.segments()[-1]
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-3]))
    (stopped.folder / "checkpoints.log").unlink()
    asked = stopped.siss("sql", "SELECT 1 AS uno", "--data", stopped.data)
    assert asked.returncode == 1 and "siss audit verify" in asked.stderr


def test_old_records_go_by_maintain_alone(stopped):
    first = stopped.siss("maintain", "--data", stopped.data)
    assert first.returncode == 0 and "audit_records_retired" not in first.stdout, "what is young stays"
    assert stopped.siss("maintain", "--data", stopped.data, "--audit-months", "5").returncode != 0, "the law asks for six"
    assert stopped.whole()["first"] == 1


def test_erasure_is_recorded_and_the_log_does_not_say_whose(siss, tmp_path):
    world = persons.World(siss, tmp_path / "data")
    person = persons.Person(3)
    world.accept("sigess.persone", [person.row()])
    pseudonym = world.rows("SELECT id_persona FROM sigess.persone")[0]["id_persona"]
    done = siss("erase", "--fiscal-code-stdin", "--reason", f"istanza di {person.code}", "--data", world.data, input=person.code)
    assert done.returncode == 0, done.stderr
    log = Log(siss, world.data)
    acts = [(r["action"], r["object"], r["why"]) for r in log.records() if r["action"] in ("custodia", "amministrazione")]
    assert acts == [("custodia", "identita", "istanza di ***"), ("custodia", "cancellazione", "istanza di ***"), ("amministrazione", "siss erase", "istanza di ***")]
    assert {r["account"] for r in log.records()} == {log.records()[-1]["account"]} and log.records()[-1]["account"].startswith("os:")
    rows = world.rows("SELECT oggetto, scopo, progressivo FROM sistema.audit WHERE oggetto IS NOT NULL ORDER BY progressivo")
    assert [row["oggetto"] for row in rows] == ["identita", "cancellazione"]
    assert persons.found(world.data, person.code, person.surname, pseudonym) == []
    log.whole()


def test_nothing_of_persons_passwords_or_addresses_is_in_any_byte(here, log):
    """Run last: the folder holds what all tests above did."""
    secrets = [WRONG, here.password, ADDRESS, "RSSMRA80A01H501U", "segretodimario", "siss_"]
    for file in here.data.glob("audit/*"):
        content = file.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], file
        assert (os.stat(file).st_mode & 0o777) == 0o600, file
    assert (os.stat(log.folder).st_mode & 0o777) == 0o700
    assert (os.stat(here.data / "tls/audit.key").st_mode & 0o777) == 0o600
    log.whole()

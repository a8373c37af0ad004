"""Information debt: every state against a second computation, rights, certifications recomputed by hand, the calendar, completeness."""

import csv
import datetime
import io
import json
import pathlib
import shutil
import subprocess
import sys
import time

import icalendar
import pytest
import requests

import conftest
import debt
import deliveries

BODY, DISTRICT, DATASET = "058120", "RM 5.1", "assa.strutture"
TODAY = datetime.datetime.now(datetime.timezone.utc).date()
NOW = f"{TODAY:%Y-%m}"
COMUNE, OTHER, OFFICE = f"comune_{BODY}", "comune_058091", "distretto_rm_5_1"


class Region:
    """A server on a copy of the region, asked and fed as its accounts."""

    def __init__(self, server, siss):
        self.server, self.data, self.siss = server, server.data, siss
        self.model = deliveries.model(server.data, BODY)
        self.tokens, self.sent = {}, set()

    def ask(self, path, account=COMUNE, method="GET", **more):
        headers = {"Authorization": f"Bearer {self.tokens[account]}"} if account in self.tokens else {}
        auth = (account, self.server.password) if account and not headers else None
        return requests.request(method, self.server.http + path, auth=auth, headers=headers | more.pop("headers", {}), timeout=120, **more)

    def deliver(self, period, codes, account=COMUNE, body=BODY, dataset=DATASET, **changes):
        file = deliveries.facilities(self.model | changes, codes) if codes else (",".join(self.model) + "\n").encode()
        answer = self.ask("/api/v1/deliveries", account, "POST", params={"dataset": dataset, "sender": body, "period": period}, data=file)
        assert answer.status_code == 201, answer.text
        self.sent.add(answer.json()["id"])
        return answer.json()["report"]

    def sign(self, period, account=COMUNE, dataset=DATASET, **more):
        return self.ask("/api/v1/certifications", account, "POST", json={"dataset": dataset, "periodo": period} | more)

    def chain(self, account=COMUNE, **query):
        return self.ask("/api/v1/certifications", account, params=query).json()["certifications"]

    def states(self, account=COMUNE, **query):
        rows = self.ask("/api/v1/obligations", account, params={"dataset": DATASET} | query).json()["rows"]
        return {row["periodo_dati"]: row for row in rows if row["ente"] == query.get("ente", BODY)}

    def agrees(self):
        """Waits until the service's table is what is worked out by hand."""
        end = time.monotonic() + 30
        while self.sent - {row["consegna"] for row in debt.rows(self.data, "sistema.deliveries")}:
            assert time.monotonic() < end, "the deliveries were not recorded"
            time.sleep(0.2)
        while (wanted := debt.obligations(self.data, TODAY)) != (got := debt.stored(self.data)):
            if time.monotonic() > end:
                wrong = [(k, wanted.get(k), got.get(k)) for k in sorted(wanted.keys() | got.keys()) if wanted.get(k) != got.get(k)]
                raise AssertionError(f"{len(wrong)} differ: {wrong[:3]}")
            time.sleep(0.2)
        return got


def problem(answer, status, code):
    assert answer.status_code == status and answer.json()["code"] == code, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def region(siss, lake, tmp_path_factory):
    data = shutil.copytree(lake, tmp_path_factory.mktemp("debt") / "data")
    with conftest.serving(data) as server:
        region = Region(server, siss)
        region.deliver(NOW, [f"S{BODY}-9001", f"S{BODY}-9002"])
        region.deliver("2026-01", [f"S{BODY}-9003"], dataset="assa/strutture")
        region.refused = region.deliver("2026-02", ["sbagliato"])
        # Correct lines and wrong ones; then a file that only says that there is nothing.
        region.deliver("2026-04", [f"S{BODY}-9004", "sbagliato"])
        region.deliver("2026-05", [])
        yield region


def test_every_state_is_what_is_worked_out_by_hand(region):
    all_ = region.agrees()
    mine = {period: row for (dataset, body, period), row in all_.items() if (dataset, body) == (DATASET, BODY)}
    assert region.refused["outcome"] == "rifiutata"
    assert {period: mine[period]["stato"] for period in (NOW, "2026-01", "2026-02", "2026-03", "2026-04", "2026-05")} == {
        NOW: "valid", "2026-01": "valid", "2026-02": "received", "2026-03": "missing", "2026-04": "valid", "2026-05": "valid"}
    assert not mine[NOW]["in_ritardo"] and all(mine[period]["in_ritardo"] for period in ("2026-01", "2026-02", "2026-03"))
    assert all_[DATASET, "058091", NOW]["stato"] == "due" and mine["2026-04"]["righe_rifiutate"] == 1
    assert {row["stato"] for row in all_.values()} >= {"due", "missing", "received", "valid"}
    # Districts owe theirs, the region its registers; nobody owes what the service computes.
    assert {body for dataset, body, _ in all_ if dataset == "territorio.comuni"} == {"lazio"}
    assert len({body for dataset, body, _ in all_ if dataset == "sigess.accessi"}) == 37
    assert not [dataset for dataset, *_ in all_ if dataset.split(".")[0] in ("leps", "sistema") or dataset == "assa.stati"]


def test_a_day_or_a_pass_without_a_change_writes_nothing(region):
    region.agrees()
    version = lambda: debt.DeltaTable(str(region.data / "tables/sistema/obligations")).version()
    before = version()
    time.sleep(5)
    assert version() == before


def test_the_door_gives_what_the_table_holds_within_the_rights(region):
    all_ = region.agrees()
    answer = region.ask("/api/v1/obligations", "pianificatore").json()
    assert answer["complete"] and answer["count"] == len(all_)
    key = lambda row: (row["dataset"], row["ente"], row["periodo_dati"])
    assert {key(row): (row["stato"], row["in_ritardo"], row["scadenza"]) for row in answer["rows"]} == {k: (v["stato"], v["in_ritardo"], v["scadenza"].isoformat()) for k, v in all_.items()}
    seen = lambda account: {key(row) for row in region.ask("/api/v1/obligations", account).json()["rows"]}
    assert seen(COMUNE) == {k for k in all_ if k[1] == BODY}
    assert seen(OFFICE) == {k for k, row in all_.items() if row["ambito"] == DISTRICT}
    assert seen("amministratore") == seen("steward") == set(all_)
    one = region.ask("/api/v1/obligations", params={"dataset": DATASET, "periodo": "2026-02", "stato": "received"}).json()["rows"]
    assert [key(row) for row in one] == [(DATASET, BODY, "2026-02")]
    assert region.ask("/api/v1/obligations", params={"ente": "058091"}).json()["rows"] == []
    csv_ = region.ask("/api/v1/obligations", headers={"Accept": "text/csv"})
    assert len(list(csv.DictReader(io.StringIO(csv_.text)))) == len(seen(COMUNE))
    for path in ("obligations", "obligations.ics", "completeness", "certifications", "certifications/" + "0" * 64):
        problem(region.ask(f"/api/v1/{path}", None), 401, "auth.required")
    assert region.ask("/api/v1/obligations", "ispettore").status_code == 404
    problem(region.ask("/api/v1/obligations?colour=red"), 400, "query.parameter")
    # By SQL the same rows.
    rows = region.ask("/api/v1/sql", COMUNE, "POST", json={"sql": "SELECT stato, count(*) AS n FROM sistema.obligations GROUP BY stato"}).json()["rows"]
    assert sum(row["n"] for row in rows) == len(seen(COMUNE))


def test_a_body_signs_for_itself_what_is_valid(region):
    problem(region.sign(NOW, None), 401, "auth.required")
    for account in ("pianificatore", "steward", "amministratore", OTHER):
        problem(region.sign(NOW, account, ente=BODY), 403, "certification.forbidden")
    assert region.sign(NOW, "steward", ente=BODY).json()["detail_it"]
    problem(region.sign("2026-03"), 409, "certification.nothing")
    problem(region.sign("2026-02"), 409, "certification.nothing")
    problem(region.sign("2026"), 422, "period.invalid")
    problem(region.sign("2026", dataset="sigess.accessi"), 422, "sender.unknown")
    for nobody in ("assa.assente", "assa.stati", "sistema.deliveries", "leps.supervisione"):
        problem(region.sign(NOW, dataset=nobody), 404, "dataset.unknown")
    # A delivery that was received and is not done yet.
    receipt = region.data / "landing/_open" / ("ab" * 16 + ".json")
    said = {"id": "ab" * 16, "dataset": DATASET, "sender": BODY, "period": "2026-09", "account": "x", "file": "x", "mapping": None, "received": "2026-11-01T00:00:00Z", "bytes": 1, "hash": "0"}
    receipt.write_text(json.dumps(said))
    try:
        problem(region.sign(NOW), 409, "certification.pending")
    finally:
        receipt.unlink()
    assert region.chain(dataset=DATASET, periodo=NOW) == []


def test_a_correction_supersedes_and_keeps_what_was_signed(region):
    first = region.sign(NOW)
    assert first.status_code == 201, first.text
    one = first.json()["certification"]
    assert first.headers["location"] == f"/api/v1/certifications/{one['certificazione']}" and one["holds"] and one["righe"] == 2 and one["precedente"] is None
    problem(region.sign(NOW), 409, "certification.standing")
    region.agrees()
    assert region.states()[NOW]["stato"] == "certified" and region.states()[NOW]["certificazione"] == one["certificazione"]

    region.deliver(NOW, [f"S{BODY}-9002"], denominazione="Casa corretta")
    region.agrees()
    assert region.states()[NOW]["stato"] == "valid" and region.states()[NOW]["certificazione"] == one["certificazione"]
    assert [c["holds"] for c in region.chain(dataset=DATASET, periodo=NOW)] == [False]
    two = region.sign(NOW).json()["certification"]
    assert two["precedente"] == one["certificazione"] and two["impronta"] != one["impronta"] and two["versione_tabella"] > one["versione_tabella"]
    assert [(c["certificazione"], c["holds"]) for c in region.chain(dataset=DATASET, periodo=NOW)] == [(one["certificazione"], False), (two["certificazione"], True)]
    region.agrees()
    # A file that is refused whole changes nothing; what another month brings changes nothing signed.
    region.deliver(NOW, ["sbagliato"])
    region.deliver("2026-06", [f"S{BODY}-9001"], denominazione="Casa di giugno")
    region.agrees()
    assert region.states()[NOW]["stato"] == "certified"
    for certificate, rows in ((one, 2), (two, 2)):
        checked = region.ask(f"/api/v1/certifications/{certificate['certificazione']}").json()
        assert checked["valid"] is True and checked["recomputed"] == {"righe": rows, "impronta": certificate["impronta"]}
    assert region.ask(f"/api/v1/certifications/{one['certificazione']}", OTHER).status_code == 404
    assert region.ask("/api/v1/certifications/" + "0" * 64).status_code == 404
    assert region.chain(OTHER) == []


def test_an_empty_file_can_be_signed(region):
    one = region.sign("2026-05").json()["certification"]
    assert one["righe"] == 0 and region.ask(f"/api/v1/certifications/{one['certificazione']}").json()["valid"] is True


def official(region, body):
    """An account of a municipality."""
    account = f"comune_{body}"
    made = region.siss("user", "--data", region.data, "add", account, "--role", "comune", "--fact", f"codice_istat={body}")
    assert made.returncode == 0, made.stderr
    region.tokens[account] = region.server.token(account)
    return account


def test_a_district_is_complete_only_when_its_comuni_are(region):
    comuni = sorted(row["codice_istat"] for row in debt.rows(region.data, "territorio.comuni") if row["ambito"] == DISTRICT)
    refused = problem(region.sign(NOW, OFFICE), 409, "certification.missing")
    assert refused["missing"] == comuni and comuni[0] in refused["detail"] and comuni[0] in refused["detail_it"]
    for body in comuni:
        account = official(region, body)
        region.deliver(NOW, [f"S{body}-9001"], account, body, codice_istat=body)
        if body != comuni[-1]:
            assert region.sign(NOW, account).status_code == 201
    region.agrees()
    assert problem(region.sign(NOW, OFFICE), 409, "certification.missing")["missing"] == comuni[-1:]
    assert region.sign(NOW, f"comune_{comuni[-1]}").status_code == 201
    whole = region.sign(NOW, OFFICE)
    assert whole.status_code == 201, whole.text
    whole = whole.json()["certification"]
    assert (whole["ente"], whole["ambito"], whole["righe"]) == (DISTRICT, DISTRICT, len(comuni))
    region.agrees()
    # One of them corrects: the district's signature no longer stands.
    region.deliver(NOW, [f"S{comuni[0]}-9001"], f"comune_{comuni[0]}", comuni[0], codice_istat=comuni[0], denominazione="Casa corretta")
    region.agrees()
    assert {c["certificazione"]: c["holds"] for c in region.chain(OFFICE, ente=DISTRICT)} == {whole["certificazione"]: False}
    assert problem(region.sign(NOW, OFFICE), 409, "certification.missing")["missing"] == comuni[:1]
    assert region.ask(f"/api/v1/certifications/{whole['certificazione']}", OFFICE).json()["valid"] is True
    # What the district sends itself it signs itself; what the region sends, the region.
    assert region.sign("2026", OFFICE, "sigess.persone").status_code == 201
    period = debt.rows(region.data, "territorio.comuni")[0]["periodo"]
    assert region.sign(period, "steward", "territorio.comuni", ente="lazio").status_code == 201
    region.agrees()


def test_anybody_finds_the_same_digest(region):
    signed = debt.rows(region.data, "sistema.certifications")
    assert len(signed) >= 6 and {row["dataset"] for row in signed} >= {DATASET, "sigess.persone", "territorio.comuni"}
    comuni = {row["codice_istat"]: row["ambito"] for row in debt.rows(region.data, "territorio.comuni")}
    for row in signed:
        of_district = row["dataset"] == DATASET and row["ente"] == DISTRICT
        senders = {comune for comune, ambito in comuni.items() if ambito == DISTRICT} if of_district else {row["ente"]}
        assert debt.canonical(region.data, row["dataset"], row["versione_tabella"], senders, row["periodo_dati"]) == (row["righe"], row["impronta"]), row
        assert debt.identifier(row) == row["certificazione"]
        assert row["mittente"] == row["ente"]


@pytest.mark.parametrize("language, to_deliver, overdue", [("it", "Da trasmettere", "In ritardo"), ("en", "To deliver", "Overdue")])
def test_the_calendar_reminds_of_what_is_open(region, language, to_deliver, overdue):
    all_ = region.agrees()
    answer = region.ask("/api/v1/obligations.ics", headers={"Accept-Language": language})
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8" and answer.headers["content-language"] == language
    assert answer.content.endswith(b"\r\n") and b"\n" not in answer.content.replace(b"\r\n", b"") and all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    calendar = icalendar.Calendar.from_ical(answer.content)
    assert not calendar.errors and calendar["version"] == "2.0" and calendar["prodid"]
    events = {str(event["uid"]): event for event in calendar.walk("VEVENT")}
    open_ = {key: row for key, row in all_.items() if key[1] == BODY and row["stato"] in ("due", "missing", "received")}
    assert set(events) == {f"{d}.{b}.{p}@siss.regione.lazio.it" for d, b, p in open_} and len(list(calendar.walk("VEVENT"))) == len(open_)
    words = {"due": to_deliver, "missing": overdue, "received": {"it": "Da correggere", "en": "To correct"}[language]}
    for (dataset, body, period), row in open_.items():
        event = events[f"{dataset}.{body}.{period}@siss.regione.lazio.it"]
        assert event.decoded("dtstart") == row["scadenza"] and not event.errors and event["dtstamp"]
        assert str(event["summary"]).startswith(words[row["stato"]]) and period in event["summary"] and dataset in event["description"]
        (alarm,) = event.walk("VALARM")
        assert alarm["action"] == "DISPLAY" and alarm.decoded("trigger") == datetime.timedelta(days=-7) and alarm["description"]
    assert region.ask("/api/v1/obligations.ics?lang=en&ente=058091").content.count(b"BEGIN:VEVENT") == 0
    office = icalendar.Calendar.from_ical(region.ask("/api/v1/obligations.ics", OFFICE).content)
    assert {str(event["uid"]).split(".")[2:4] != [] and "RM-5.1" in event["uid"] for event in office.walk("VEVENT")} <= {True}


def test_completeness_counts_the_bodies(region):
    all_ = region.agrees()
    found = region.ask("/api/v1/completeness", "pianificatore", params={"dataset": DATASET, "periodo": NOW}).json()["completeness"]
    assert [(one["dataset"], one["periodo"]) for one in found] == [(DATASET, NOW)]
    rows = [row for (dataset, _, period), row in all_.items() if (dataset, period) == (DATASET, NOW)]

    def counts(rows):
        valid, certified = sum(r["stato"] in ("valid", "certified") for r in rows), sum(r["stato"] == "certified" for r in rows)
        share = lambda n: pytest.approx(100 * n / len(rows), abs=0.005)
        return {"due": len(rows), "received": valid + sum(r["stato"] == "received" for r in rows), "valid": valid, "certified": certified, "late": sum(r["in_ritardo"] for r in rows),
                "complete": valid == len(rows), "valid_share": share(valid), "certified_share": share(certified)}

    region_, districts = found[0]["region"], {one.pop("ambito"): one for one in found[0]["districts"]}
    assert districts == {ambito: counts([r for r in rows if r["ambito"] == ambito]) for ambito in {r["ambito"] for r in rows}}
    assert {name: region_.pop(name) for name in ("districts", "districts_complete")} == {"districts": 37, "districts_complete": sum(d["complete"] for d in districts.values())}
    assert region_ == counts(rows) and districts[DISTRICT]["complete"] and not region_["complete"]
    own = region.ask("/api/v1/completeness", OFFICE, params={"dataset": DATASET, "periodo": NOW}).json()["completeness"][0]
    assert own["region"] is None and [one["ambito"] for one in own["districts"]] == [DISTRICT]
    problem(region.ask("/api/v1/completeness"), 403, "completeness.part")
    problem(region.ask("/api/v1/completeness?ente=058120", "pianificatore"), 400, "query.parameter")


@pytest.mark.parametrize("account", [COMUNE, "pianificatore"])
def test_schemathesis_finds_nothing_against_the_document(region, account, tmp_path):
    """Random requests made from our own document. That a period must fit its dataset is more than a document can say."""
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    routes = "^/api/v1/(obligations|completeness|certifications)"
    command = [program, "run", f"{region.server.http}/api/openapi.json", "--include-path-regex", routes, "--header", f"Authorization: Bearer {region.server.token(account)}",
               "--max-examples", "20", "--seed", "7", "--exclude-checks", "positive_data_acceptance"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]


def test_what_was_signed_is_found_when_its_version_is_gone(siss, region, tmp_path):
    """As after thirty days: the log before the newest version is gone, the history of the rows is not."""
    certificate = region.chain(dataset=DATASET, periodo=NOW)[0]
    data = shutil.copytree(region.data, tmp_path / "data")
    assert siss("maintain", "--data", data).returncode == 0
    log = data / "tables/assa/strutture/_delta_log"
    newest = max(int(path.name.split(".")[0]) for path in log.glob("*.checkpoint.parquet"))
    for path in log.iterdir():
        if path.name[:20].isdigit() and int(path.name.split(".")[0]) < newest:
            path.unlink()
    with conftest.serving(data) as server:
        path = f"{server.http}/api/v1/certifications/{certificate['certificazione']}"
        checked = requests.get(path, auth=(COMUNE, server.password), timeout=60).json()
    assert checked["valid"] is True and checked["recomputed"]["impronta"] == certificate["impronta"] and not checked["certification"]["holds"]

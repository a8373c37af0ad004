"""Deliveries over HTTP: whole, in parts, again, and by who may not."""

import csv
import io
import time
import uuid

import pytest
import requests

ABOUT = {"dataset": "assa.strutture", "sender": "058120", "period": "2026-10"}
COMUNE = "comune_058120"


@pytest.fixture
def api(server):
    def api(method, path, account=COMUNE, **more):
        auth = (account, server.password) if account else None
        return requests.request(method, server.http + path, auth=auth, timeout=120, **more)

    return api


@pytest.fixture
def file(api):
    """file(good, bad): a new CSV for Fiumicino with rows that stand and rows that do not."""
    template = api("GET", "/api/v1/datasets/assa/strutture/template.csv").content.decode()
    assert template.startswith("\ufeff")  # for Excel, with semicolons, as the Italian one writes them
    header = next(csv.reader(io.StringIO(template[1:]), delimiter=";"))
    columns = {c["name"]: c for c in api("GET", "/api/v1/datasets/assa/strutture").json()["columns"]}

    def file(good=2, bad=0):
        out = io.StringIO()
        writer = csv.DictWriter(out, header)
        writer.writeheader()
        for i in range(good + bad):
            row = {name: columns[name]["example"] or "" for name in header if name in columns}
            # The code of a facility names its comune.
            row |= {"codice_istat": "058120", "codice_struttura": code(), "denominazione": f"Casa {uuid.uuid4().hex[:8]}"}
            row |= {"data_cessazione": "", "posti": "10" if i < good else "molti"}
            writer.writerow(row)
        return out.getvalue().encode()

    def code():
        return f"S058120-{uuid.uuid4().int % 10_000_000 + 90_000_000}"

    return file


def wait_for(api, identity):
    for _ in range(200):
        body = api("GET", f"/api/v1/deliveries/{identity}").json()
        if body["state"] == "done":
            return body["report"]
        time.sleep(0.1)
    raise AssertionError("no report")


def test_a_delivery_becomes_rows_and_a_report(api, file):
    answer = api("POST", "/api/v1/deliveries", params=ABOUT | {"file": "ottobre.csv"}, data=file(2, 1))
    assert answer.status_code == 201, answer.text
    report = answer.json()["report"]
    assert (report["rows"], report["accepted"], report["refused"], report["outcome"]) == (3, 2, 1, "parziale"), report["violations"]
    assert report["file"] == "ottobre.csv"
    (wrong,) = [v for v in report["violations"] if v["severity"] == "error"]
    assert (wrong["column"], wrong["value"], wrong["line"]) == ("posti", "molti", 4) and wrong["message"]["it"]
    where = answer.headers["location"]
    assert api("GET", where).json()["report"]["id"] == report["id"]
    violations = list(csv.DictReader(io.StringIO(api("GET", where + ".csv").text)))
    assert len(violations) == report["violations_total"]
    assert "molti" in api("GET", where + ".refused.csv").text


def test_the_same_delivery_again_loads_nothing_and_says_so(api, file):
    body = file()
    first = api("POST", "/api/v1/deliveries", params=ABOUT, data=body)
    again = api("POST", "/api/v1/deliveries", params=ABOUT, data=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"] and again.json()["receipt"]["duplicate"] is True


def test_an_idempotency_key_stands_for_one_delivery(api, file):
    headers = {"Idempotency-Key": f'"{uuid.uuid4()}"'}
    body = file()
    first = api("POST", "/api/v1/deliveries", params=ABOUT, data=body, headers=headers)
    again = api("POST", "/api/v1/deliveries", params=ABOUT, data=body, headers=headers)
    assert first.status_code == 201 and again.status_code == 200 and first.json()["id"] == again.json()["id"]
    other = api("POST", "/api/v1/deliveries", params=ABOUT, data=file(), headers=headers)
    assert other.status_code == 409 and other.json()["code"] == "idempotency.reused"


def test_a_key_gives_the_same_refusal_again_and_the_file_without_it_a_new_one(api):
    body, headers = b"nessuna;colonna\n1;2\n", {"Idempotency-Key": f'"{uuid.uuid4()}"'}
    first, again = (api("POST", "/api/v1/deliveries", params=ABOUT, data=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200) and first.json()["report"]["outcome"] == "rifiutata"
    assert first.json()["id"] == again.json()["id"] and again.json()["receipt"]["duplicate"] is True
    anew = api("POST", "/api/v1/deliveries", params=ABOUT, data=body)
    assert anew.status_code == 201 and anew.json()["id"] != first.json()["id"] and anew.json()["report"]["outcome"] == "rifiutata"


def test_a_client_need_not_wait(api, file):
    answer = api("POST", "/api/v1/deliveries", params=ABOUT, data=file(), headers={"Prefer": "respond-async"})
    assert answer.status_code == 202 and answer.json()["report"] is None
    assert wait_for(api, answer.json()["id"])["accepted"] == 2


def test_an_upload_goes_on_where_it_stopped(api, file):
    body = file(50)
    opened = api("POST", "/api/v1/deliveries", params=ABOUT, headers={"Upload-Length": str(len(body))})
    assert opened.status_code == 201, opened.text
    where = opened.headers["location"]
    assert api("PATCH", where, data=body[:1000], headers={"Upload-Offset": "0"}).status_code == 204
    wrong = api("PATCH", where, data=body[500:], headers={"Upload-Offset": "500"})
    assert wrong.status_code == 409 and wrong.json()["offset"] == 1000
    assert api("HEAD", where).headers["upload-offset"] == "1000"
    assert api("HEAD", where, "comune_058091").status_code == 404
    too_much = api("PATCH", where, data=body[1000:] + b"x", headers={"Upload-Offset": "1000"})
    assert too_much.status_code == 413 and api("HEAD", where).headers["upload-offset"] == "1000"
    done = api("PATCH", where, data=body[1000:], headers={"Upload-Offset": "1000"})
    assert done.status_code == 201 and done.json()["report"]["accepted"] == 50
    assert api("HEAD", where).status_code == 404


def test_an_upload_can_be_given_up(api):
    opened = api("POST", "/api/v1/deliveries", params=ABOUT, headers={"Upload-Length": "10"})
    assert api("DELETE", opened.headers["location"]).status_code == 204
    assert api("HEAD", opened.headers["location"]).status_code == 404


def test_each_body_delivers_its_own(api, file):
    body = file()
    assert api("POST", "/api/v1/deliveries", None, params=ABOUT, data=body).status_code == 401
    for account in ["comune_058091", "pianificatore", "distretto_rm_5_1"]:
        refused = api("POST", "/api/v1/deliveries", account, params=ABOUT, data=body)
        assert refused.status_code == 403 and refused.json()["detail_it"], account
    done = api("POST", "/api/v1/deliveries", "steward", params=ABOUT, data=body)
    assert done.status_code == 201
    where = done.headers["location"]
    assert api("GET", where).status_code == 200
    assert api("GET", where, "comune_058091").status_code == 404
    assert api("GET", where + ".refused.csv", "comune_058091").status_code == 404
    assert api("GET", where, None).status_code == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [({"dataset": "assa.assente"}, 404), ({"period": "2026"}, 422), ({"dataset": "sistema.queries"}, 404), ({"colour": "red"}, 400), ({"period": None}, 400), ({"mapping": "nessuna"}, 422)],
)
def test_what_cannot_be_is_refused_before_it_is_received(api, file, change, status):
    answer = api("POST", "/api/v1/deliveries", "steward", params=ABOUT | change, data=file())
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_is_not_a_file(api, file):
    answer = api("POST", "/api/v1/deliveries", params=ABOUT, files={"file": file()})
    assert answer.status_code == 415


def test_an_unknown_delivery_is_not_found(api):
    for identity in ["0" * 32, "..%2f..%2fetc", "x"]:
        assert api("GET", f"/api/v1/deliveries/{identity}").status_code == 404

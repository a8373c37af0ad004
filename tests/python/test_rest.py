"""The HTTP door, asked by an ordinary HTTP client."""

import re
import io
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

FORMATS = ["json", "ndjson", "csv", "arrow", "parquet"]
MEDIA = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}


@pytest.fixture
def ask(server):
    """ask(path, account=None, method="GET", **more): one request, as an account or as a stranger."""

    def ask(path, account=None, method="GET", **more):
        auth = (account, server.password) if account else None
        return requests.request(method, server.http + path, auth=auth, timeout=60, **more)

    return ask


@pytest.fixture
def sql(ask):
    """sql(text, account, format="json", parameters=None)"""

    def sql(text, account="pianificatore", format="json", parameters=None, query=""):
        body = {"sql": text, "parameters": parameters or []}
        return ask(f"/api/v1/sql.{format}{query}", account, "POST", json=body)

    return sql


def rows_of(answer):
    """The rows of an answer in any format, as a list of dicts of text, numbers, and None."""
    kind = answer.headers["content-type"].split(";")[0]
    if kind == MEDIA["json"]:
        return answer.json()["rows"]
    if kind == MEDIA["ndjson"]:
        return [json.loads(line) for line in answer.text.splitlines()]
    if kind == MEDIA["arrow"]:
        return pa.ipc.open_stream(answer.content).read_all().to_pylist()
    if kind == MEDIA["parquet"]:
        return pa.parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    return pa.csv.read_csv(io.BytesIO(answer.content), convert_options=pa.csv.ConvertOptions(strings_can_be_null=True)).to_pylist()


def problem(answer, status, code=None):
    """Checks that an answer is a problem of RFC 9457, and gives it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and body["title"] and body["detail"]
    assert body["type"] == f"urn:siss:problem:{body['code']}"
    assert code is None or body["code"] == code
    return body


# --- who asks


def test_a_stranger_sees_open_datasets_only(ask):
    names = {d["name"] for d in ask("/api/v1/datasets").json()["datasets"]}
    more = {d["name"] for d in ask("/api/v1/datasets", "pianificatore").json()["datasets"]}
    assert "territorio.comuni" in names and names < more


@pytest.mark.parametrize(
    "header",
    ["Basic bmVzc3Vubzp3cm9uZw==", "Basic !!!", "Bearer siss_wrong", "Bearer", "Negotiate abc", ""],
)
def test_wrong_credentials_are_refused_not_taken_for_a_stranger(server, header):
    answer = requests.get(server.http + "/api/v1/datasets", headers={"Authorization": header}, timeout=60)
    problem(answer, 401, "auth.failed")
    assert "Basic" in answer.headers["www-authenticate"] and "Bearer" in answer.headers["www-authenticate"]


def test_a_token_signs_in(server):
    headers = {"Authorization": f"Bearer {server.token('comune_058091')}"}
    body = {"sql": "SELECT DISTINCT codice_istat FROM assa.strutture"}
    answer = requests.post(server.http + "/api/v1/sql", headers=headers, json=body, timeout=60)
    assert answer.json()["rows"] == [{"codice_istat": "058091"}]


# --- questions


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_the_same(sql, format):
    text = """SELECT codice_istat, comune, latitudine, CAST(1234567890.12 AS decimal(20, 2)) AS importo,
              CAST(NULL AS bigint) AS niente FROM territorio.comuni ORDER BY codice_istat"""
    expected = sql(text).json()
    assert expected["complete"] is True and expected["next"] is None
    assert expected["count"] == len(expected["rows"]) == 378
    assert [c["type"] for c in expected["columns"]] == ["text", "text", "double", "decimal(20,2)", "integer"]
    answer = sql(text, format=format)
    assert answer.headers["content-type"].split(";")[0] == MEDIA[format]
    assert answer.headers["siss-complete"] == "true"
    assert "territorio.comuni=" in answer.headers["siss-snapshot"]
    got = rows_of(answer)
    assert len(got) == 378
    for have, want in zip(got, expected["rows"], strict=True):
        assert str(have["codice_istat"]).zfill(6) == want["codice_istat"]
        assert have["comune"] == want["comune"]
        assert have["latitudine"] == pytest.approx(want["latitudine"], abs=1e-12)
        assert float(have["importo"]) == 1234567890.12
        assert have["niente"] is None


def test_accept_chooses_the_format(ask):
    for format, media in MEDIA.items():
        answer = ask("/api/v1/datasets/territorio/comuni/rows?limit=2", headers={"Accept": media})
        assert answer.headers["content-type"].startswith(media), format
    problem(ask("/api/v1/datasets/territorio/comuni/rows", headers={"Accept": "image/png"}), 406)


def test_numbers_keep_their_digits(sql):
    answer = sql("SELECT CAST(9007199254740993 AS bigint) AS n, CAST(0.10 AS decimal(10, 2)) AS d")
    assert '"n":9007199254740993' in answer.text and '"d":0.10' in answer.text


def test_names_that_repeat_become_unique(sql):
    text = "SELECT * FROM territorio.comuni a JOIN territorio.comuni b ON a.codice_istat = b.codice_istat LIMIT 1"
    row = sql(text).json()["rows"][0]
    assert row["codice_istat"] == row["codice_istat_2"]


def test_parameters_are_typed_by_where_they_stand(sql):
    text = "SELECT count(*) AS n FROM territorio.comuni WHERE sigla_provincia = $1 AND latitudine > $2"
    some = sql(text, parameters=["RM", 41.9]).json()["rows"][0]["n"]
    every = sql(text, parameters=["RM", "0"]).json()["rows"][0]["n"]
    assert 0 < some < every == 121
    # A parameter is a value, whatever it looks like.
    assert sql(text, parameters=["RM' OR true --", 0]).json()["rows"] == [{"n": 0}]


def test_sql_as_plain_text(ask):
    for media in ["text/plain", "application/sql; charset=utf-8"]:
        answer = ask("/api/v1/sql", "pianificatore", "POST", data="SELECT 1 AS uno", headers={"Content-Type": media})
        assert answer.json()["rows"] == [{"uno": 1}]


def test_wrong_questions_are_problems(ask, sql):
    problem(sql("SELEC 1"), 400)
    problem(sql("SELECT * FROM nessuna.tabella"), 404)
    problem(sql("DROP TABLE territorio.comuni"), 403)
    problem(sql("SELECT 1; SELECT 2"), 400)
    problem(ask("/api/v1/sql", "pianificatore", "POST", data="SELECT 1"), 415)
    problem(ask("/api/v1/sql", "pianificatore", "POST", json={"sql": "SELECT 1", "colour": 1}), 400)
    problem(ask("/api/v1/sql", "pianificatore", "POST", json={"sql": "SELECT $1", "parameters": [[1]]}), 400)
    problem(ask("/api/v1/sql", "pianificatore", "POST", json={"sql": "x" * 2_000_000}), 413)


def test_absent_and_hidden_look_the_same(ask):
    hidden = problem(ask("/api/v1/sql", None, "POST", json={"sql": "SELECT * FROM sigess.accessi"}), 404)
    absent = problem(ask("/api/v1/sql", None, "POST", json={"sql": "SELECT * FROM sigess.assenti"}), 404)
    assert hidden["detail"].replace("accessi", "assenti") == absent["detail"] and hidden["code"] == absent["code"]
    for path in ["", "/rows", "/schema.json", "/template.csv", "/odcs.yaml", "/datapackage.json"]:
        hidden = problem(ask("/api/v1/datasets/sigess/accessi" + path), 404)
        absent = problem(ask("/api/v1/datasets/sigess/assenti" + path), 404)
        assert hidden["detail"].replace("accessi", "assenti") == absent["detail"]


MANY = "FROM territorio.comuni a CROSS JOIN territorio.comuni b"


def test_an_answer_that_breaks_midway_does_not_end_cleanly(sql):
    # Division by zero at one far row of 142,884: the first rows are sent before it is reached.
    text = f"SELECT 1 / (row_number() OVER () - 140000) AS x {MANY}"
    answer = sql(text)
    if answer.status_code != 200:  # found before the first row was sent: as good
        problem(answer, 422)
        return
    body = answer.json()
    assert body["complete"] is False and body["error"]["code"] and body["count"] == len(body["rows"]) < 142_884
    for format in ["ndjson", "csv", "arrow", "parquet"]:
        with pytest.raises(requests.exceptions.RequestException):
            sql(text, format=format)


def test_csv_is_safe_for_spreadsheets_and_raw_on_demand(sql):
    text = "SELECT '=1+1' AS a, '-x' AS b, 'a,\"b\"' AS c, -5 AS d, CAST(NULL AS text) AS e"
    assert sql(text, format="csv").text == 'a,b,c,d,e\n\'=1+1,\'-x,"a,""b""",-5,\n'
    assert sql(text, format="csv", query="?raw=true").text == 'a,b,c,d,e\n=1+1,-x,"a,""b""",-5,\n'


@pytest.mark.parametrize("format", FORMATS)
def test_no_rows_is_an_answer(sql, format):
    answer = sql("SELECT codice_istat, latitudine FROM territorio.comuni WHERE false", format=format)
    if format == "csv":
        assert answer.text == "codice_istat,latitudine\n"
    else:
        assert rows_of(answer) == []


# --- rows of a dataset


def test_pages_lead_through_all_rows_once(ask):
    seen, path, pages = [], "/api/v1/datasets/territorio/comuni/rows.json?limit=100&columns=codice_istat,comune", 0
    while path:
        page = ask(path).json()
        assert page["complete"] is (page["next"] is None) and page["count"] == len(page["rows"])
        seen += [r["codice_istat"] for r in page["rows"]]
        path, pages = page["next"], pages + 1
    assert pages == 4 and len(seen) == len(set(seen)) == 378


def test_pages_of_other_formats_lead_on_by_link(ask):
    answer = ask("/api/v1/datasets/territorio/comuni/rows.csv?limit=300")
    assert answer.headers["siss-complete"] == "limit" and answer.headers["siss-count"] == "300"
    rest = ask(answer.links["next"]["url"])
    assert rest.headers["siss-complete"] == "true" and "link" not in rest.headers
    assert len(rows_of(answer)) + len(rows_of(rest)) == 378


def test_filters_and_order(ask):
    path = "/api/v1/datasets/territorio/comuni/rows?sigla_provincia=RM&latitudine__gte=42&sort=-latitudine"
    rows = ask(path).json()["rows"]
    assert rows and all(r["sigla_provincia"] == "RM" and r["latitudine"] >= 42 for r in rows)
    assert [r["latitudine"] for r in rows] == sorted((r["latitudine"] for r in rows), reverse=True)
    one = ask("/api/v1/datasets/territorio/comuni/rows?comune=Roma&columns=codice_istat").json()
    assert one["rows"] == [{"codice_istat": "058091"}]
    assert ask("/api/v1/datasets/territorio/comuni/rows?comune__prefix=Rom").json()["count"] >= 1
    for wrong in ["assente=1", "latitudine=nord", "limit=0", "limit=x", "comune__like=x", "sort=assente", "columns=assente"]:
        problem(ask(f"/api/v1/datasets/territorio/comuni/rows?{wrong}"), 400)
    problem(ask("/api/v1/datasets/territorio/comuni/rows?after=MQ"), 400)
    problem(ask("/api/v1/datasets/territorio/comuni/rows?limit=1&after=OTk5OTkuMA"), 409, "page.moved")


def test_territory_limits_rows(ask):
    rows = ask("/api/v1/datasets/assa/strutture/rows.ndjson", "comune_058091")
    assert {r["codice_istat"] for r in rows_of(rows)} == {"058091"}
    rows = ask("/api/v1/datasets/assa/strutture/rows.ndjson", "distretto_rm_5_1")
    assert {r["ambito"] for r in rows_of(rows)} == {"RM 5.1"}
    assert "responsabile" not in ask("/api/v1/datasets/assa/strutture/rows?limit=1").json()["rows"][0]


# --- time


def test_a_dataset_as_it_stood(ask, sql):
    path = "/api/v1/datasets/assa/strutture/rows.ndjson?columns=codice_struttura"
    now = ask(path, "pianificatore")
    version = int(now.headers["siss-snapshot"].removeprefix("assa.strutture="))
    first = ask(path + "&version=1", "pianificatore")
    assert first.headers["siss-snapshot"] == "assa.strutture@v1=1"
    assert 0 < len(rows_of(first)) < len(rows_of(now))
    assert ask(path + "&version=0", "pianificatore").text == ""
    same = sorted(r["codice_struttura"] for r in rows_of(now))
    for at in [f"version={version}", "as_of=2999-12-31", "as_of=2999-12-31T12:00:00%2B02:00"]:
        assert sorted(r["codice_struttura"] for r in rows_of(ask(f"{path}&{at}", "pianificatore"))) == same, at
    page = ask("/api/v1/datasets/assa/strutture/rows?version=9&limit=1", "pianificatore").json()
    assert "version=9" in page["next"] and ask(page["next"], "pianificatore").status_code == 200
    new = sql('SELECT count(*) AS n FROM assa.strutture LEFT JOIN assa."strutture@v1" b USING (codice_struttura) WHERE b.codice_struttura IS NULL')
    assert new.json()["rows"] == [{"n": len(same) - len(rows_of(first))}]
    for wrong, status in [("version=x", 400), ("as_of=ieri", 400), ("version=1&as_of=2026-10-01", 400), ("version=99999", 404), ("as_of=2001-01-01", 404)]:
        problem(ask(f"{path}&{wrong}", "pianificatore"), status)


def test_earlier_versions_keep_to_the_rights(ask, sql):
    codes = sql('SELECT DISTINCT codice_istat FROM assa."strutture_storia@2999-12-31"', "comune_058120").json()["rows"]
    assert [c["codice_istat"] for c in codes] == ["058120"]
    assert problem(sql('SELECT responsabile FROM assa."strutture@v1"'), 400)["code"] == "sql.column"
    hidden, absent = sql('SELECT 1 FROM sigess."accessi@v1"', None), sql('SELECT 1 FROM sigess."assenti@v1"', None)
    assert problem(hidden, 404)["detail"].replace("accessi", "assenti") == problem(absent, 404)["detail"]
    # What was open once may have been closed since: who has not signed in sees today.
    problem(sql('SELECT 1 FROM assa."strutture@v1"', None), 403)
    problem(ask("/api/v1/datasets/assa/strutture/rows?version=1"), 403)


# --- meaning


def test_dictionary_and_derived_documents(ask):
    base = "/api/v1/datasets/assa/strutture"
    whole = ask(base, "ispettore").json()
    assert whole["key"] == ["codice_struttura"] and "responsabile" in {c["name"] for c in whole["columns"]}
    open_to_all = ask(base).json()
    assert "responsabile" not in {c["name"] for c in open_to_all["columns"]}
    for path, account in [("/schema.json", None), ("/datapackage.json", None), ("/odcs.yaml", None), ("/template.csv", None)]:
        answer = ask(base + path, account)
        assert answer.status_code == 200 and "responsabile" not in answer.text, path
    assert "responsabile" in ask(base + "/template.csv", "comune_058091").text
    for link in [v for v in open_to_all["links"].values() if isinstance(v, str)] + list(open_to_all["links"]["rows"].values()):
        assert ask(link).status_code == 200


def test_openapi_is_valid_and_every_operation_says_what_comes(ask):
    document = ask("/api/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                assert operation["operationId"] and operation["summary"] and operation["tags"], (path, method)


# --- the service


def test_home_in_both_languages_without_script(ask):
    home, english_home = ask("/").text, ask("/?lang=en").text
    assert '<html lang="it">' in home and '<html lang="en">' in english_home and 'action="/cerca"' in home
    # Script only enhances, and comes from us: nothing is written into the page.
    assert all('src="' in tag for tag in re.findall(r"<script[^>]*>", home))
    italian, english = ask("/cerca").text, ask("/cerca?lang=en").text
    assert "territorio.comuni" in italian and "Municipalities of Lazio" in english
    assert "sigess.accessi" not in italian and "sigess.accessi" in ask("/cerca", "distretto_rm_5_1").text


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_a_browser_gets_errors_as_pages_and_programs_get_problems(ask):
    for path, status in [("/assente", 404), ("/api/v1/datasets/assa/assente", 404), ("/api/v1/sql", 405), ("/api/v1/datasets/territorio/comuni/rows?limit=x", 400)]:
        page = ask(path, headers=BROWSER)
        assert page.status_code == status and page.headers["content-type"].startswith("text/html") and '<html lang="it">' in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        english = ask(path, headers=BROWSER | {"Accept-Language": "en-GB,it;q=0.3"})
        assert '<html lang="en">' in english.text
        problem(ask(path, headers={"Accept": "*/*"}), status)
    markup = ask("/api/v1/datasets/territorio/comuni/rows?%3Cscript%3E=1", headers=BROWSER)
    assert markup.status_code == 400 and "<script>" not in markup.text and "&lt;script" in markup.text


def test_how_to_connect_says_the_address_by_which_it_was_reached(ask, server):
    page = ask("/collegarsi").text
    assert "user=UTENZA" in page and server.postgres.split(":")[1] in page
    assert "<b>" not in ask("/collegarsi", headers={"Host": "a<b>.example"}).text


def test_a_browser_is_shown_a_form_and_not_asked_by_the_browser_itself(ask):
    asked = ask("/accedi", headers=BROWSER)
    assert asked.status_code == 200 and "www-authenticate" not in asked.headers and 'name="password"' in asked.text
    home = ask("/?lang=en", "comune_058091", headers=BROWSER).text
    assert "<strong>comune_058091</strong>" in home and "user=comune_058091" in ask("/collegarsi", "comune_058091").text
    assert "anonimo" not in ask("/").text


def test_every_answer_has_safe_headers(ask):
    for path in ["/", "/status", "/assente", "/metrics"]:
        headers = ask(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["referrer-policy"] == "same-origin"
        # What everybody sees is asked for again each time, by its validator; the rest is kept nowhere.
        assert headers["cache-control"] == ("public, no-cache" if path == "/" else "no-store")
        assert "strict-transport-security" not in headers
        assert len(headers["x-request-id"]) == 36


def test_status_metrics_and_errors_of_routing(ask):
    status = ask("/status")
    assert status.json()["status"] == status.status_code == 200 and status.headers["content-type"] == "application/problem+json"
    assert "siss_http_requests_total" in ask("/metrics").text
    problem(ask("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}), 403)
    assert ask("/metrics", "amministratore", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
    problem(ask("/api/v1/assente"), 404)
    problem(ask("/api/v1/sql"), 405)


def test_writes_from_other_sites_are_refused(ask):
    headers = {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    problem(ask("/api/v1/sql", "pianificatore", "POST", data="SELECT 1", headers=headers), 403, "request.cross_site")

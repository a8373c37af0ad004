"""What HTTP promises: validators, kept answers, who may read what was kept, limits, other sites, compression, completeness."""

import csv
import gzip
import html
import io
import json
import pathlib
import re
import shutil

import pytest
import requests

import conftest

ROWS = "/api/v1/datasets/assa/strutture/rows.json?limit=5&sort=codice_struttura"
PATHS = [ROWS, "/api/v1/datasets/territorio/comuni/rows.csv", "/api/v1/leps", "/api/v1/leps/assistenti_sociali?livello=regione", "/api/v1/datasets", "/api/v1/datasets/assa/strutture", "/catalog.ttl", "/api/3/action/package_list", "/sitemap.xml", "/dataset/territorio/comuni", "/cruscotti/leps", "/", "/indicatori", "/indicatore/copertura_nido", "/indicatore/copertura_nido/mappa.svg?livello=ambito", "/territorio", "/territorio/058091", "/mappa?q=Rieti", "/mappa/servizi.geojson?q=Rieti", "/esplora?dataset=territorio.popolazione&misura=sum&colonna=totale&gruppo=codice_istat", "/esplora/grafico.svg?dataset=territorio.popolazione&misura=sum&colonna=totale&gruppo=anno"]


@pytest.fixture(scope="module")
def get(server):
    def get(path, account=None, method="GET", **headers):
        auth = (account, server.password) if account else None
        return requests.request(method, server.http + path, auth=auth, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=60)

    return get


def counter(get, name):
    lines = [line for line in get("/metrics").text.splitlines() if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@pytest.mark.parametrize("path", PATHS)
def test_who_has_the_answer_is_told_so(get, path):
    first = get(path)
    tag = first.headers["etag"]
    assert first.status_code == 200 and tag.startswith('W/"')
    for known in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = get(path, If_None_Match=known)
        assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == tag, known
    assert get(path, If_None_Match='W/"000000000000000000000000"').content == first.content
    head = get(path, method="HEAD", If_None_Match=tag)
    assert head.status_code == 304
    assert get(path, method="HEAD").headers["etag"] == tag


def test_the_validator_follows_question_format_language_and_person(get):
    tags = [
        get(ROWS).headers["etag"],
        get(ROWS.replace("limit=5", "limit=6")).headers["etag"],
        get(ROWS.replace("rows.json", "rows.csv")).headers["etag"],
        get(ROWS, "pianificatore").headers["etag"],
        get(ROWS, "comune_058091").headers["etag"],
        get(ROWS, "comune_058120").headers["etag"],
    ]
    assert len(set(tags)) == len(tags)
    # The order of parameters says nothing.
    assert get("/api/v1/datasets/assa/strutture/rows.json?sort=codice_struttura&limit=5").headers["etag"] == tags[0]


def test_a_repeated_question_of_a_stranger_is_not_asked_again(get):
    path = "/api/v1/datasets/territorio/comuni/rows.json?limit=7&sort=-comune"
    before = counter(get, "siss_answers_kept_total")
    first, second = get(path), get(path)
    assert counter(get, "siss_answers_kept_total") == before + 1
    assert first.content == second.content and first.headers["etag"] == second.headers["etag"]
    assert {"content-type", "siss-snapshot", "siss-complete", "link"} <= {name.lower() for name in second.headers}
    assert get(path, If_None_Match=first.headers["etag"]).status_code == 304
    assert counter(get, "siss_answers_kept_total") == before + 2


def test_what_a_person_was_answered_is_nobody_elses(get, server):
    """Signed in first, then as a stranger, then as another: nobody gets what was made for somebody else, nor may a proxy keep it."""
    path = "/api/v1/datasets/assa/strutture/rows.json?limit=50&sort=codice_struttura"
    seen = {who: get(path, who) for who in ("ispettore", None, "comune_058091", "ispettore", "comune_058120", None)}
    assert "responsabile" in seen["ispettore"].json()["rows"][0] and "responsabile" not in seen[None].json()["rows"][0]
    own = {row["codice_istat"] for row in seen["comune_058091"].json()["rows"]}
    assert own == {"058091"} or "responsabile" not in seen["comune_058091"].json()["rows"][0] or own != {row["codice_istat"] for row in seen["comune_058120"].json()["rows"]}
    for who, answer in seen.items():
        cache = answer.headers["cache-control"]
        assert cache == ("public, no-cache" if who is None else "no-store"), who
        vary = {name.strip().lower() for value in [answer.headers["vary"]] for name in value.split(",")}
        assert {"accept", "authorization", "cookie", "accept-language"} <= vary
    # Another's validator opens nothing and proves nothing.
    for who in ("comune_058120", None):
        stolen = get(path, who, If_None_Match=seen["ispettore"].headers["etag"])
        assert stolen.status_code == 200 and "responsabile" not in json.dumps(stolen.json()["rows"][:1]) or who
    # A wrong password is refused, however often the same was answered to strangers; so is a cookie that means nothing kept apart.
    assert requests.get(server.http + path, auth=("ispettore", "sbagliata"), timeout=60).status_code == 401


def test_a_validator_does_not_tell_that_a_hidden_dataset_is_there(get):
    for path in ("/api/v1/datasets/sigess/accessi/rows.json", "/api/v1/datasets/sigess/assente/rows.json", "/api/v1/datasets/sigess/accessi", "/dataset/sigess/accessi.ttl"):
        plain, conditional = get(path), get(path, If_None_Match="*")
        assert plain.status_code == conditional.status_code and plain.status_code in (403, 404)
        assert "etag" not in plain.headers and "etag" not in conditional.headers


@pytest.fixture(scope="module")
def own(lake, tmp_path_factory):
    """A folder for servers of their own, one after the other."""
    return pathlib.Path(shutil.copytree(lake, tmp_path_factory.mktemp("http") / "data", ignore=shutil.ignore_patterns("*.lock")))


def test_a_new_delivery_changes_the_answer_and_its_validator(own):
    with conftest.serving(own) as server:
        path, comune = "/api/v1/datasets/assa/strutture", ("comune_058120", server.password)
        url = server.http + path + "/rows.json?codice_istat=058120&sort=codice_struttura"
        first = requests.get(url, timeout=60)
        assert first.json()["rows"] and requests.get(url, headers={"If-None-Match": first.headers["etag"]}, timeout=60).status_code == 304
        header = requests.get(f"{server.http}{path}/template.csv", auth=comune, timeout=60).content.decode("utf-8-sig").splitlines()[0].split(";")
        row = next(r for r in requests.get(f"{server.http}{path}/rows.json?codice_istat=058120&limit=100", auth=comune, timeout=60).json()["rows"] if r["codice_struttura"] == first.json()["rows"][0]["codice_struttura"])
        cells = row | {"denominazione": "Casa di prova"}
        shown = lambda value: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        file = io.StringIO()
        csv.writer(file, delimiter=";").writerows([header, [shown(cells.get(name)) for name in header]])
        sent = requests.post(server.http + "/api/v1/deliveries", params={"dataset": "assa.strutture", "sender": "058120", "period": "2026-11"}, data=file.getvalue().encode(), auth=comune, timeout=120)
        assert sent.status_code == 201 and sent.json()["report"]["accepted"] == 1, sent.text
        after = requests.get(url, headers={"If-None-Match": first.headers["etag"]}, timeout=60)
        assert after.status_code == 200 and after.headers["etag"] != first.headers["etag"]
        assert "Casa di prova" in {r["denominazione"] for r in after.json()["rows"]}


# --- limits


def test_every_answer_says_what_is_left(get):
    for path in (ROWS, "/status", "/", "/catalog.ttl", "/assente"):
        headers = get(path).headers
        limit, remaining, reset = (int(headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))
        assert 0 <= remaining < limit and 0 <= reset <= 60
        assert headers["ratelimit-policy"] == f'"minute";q={limit};w=60' and headers["ratelimit"].startswith('"minute";r=')


def test_the_limit_holds_whatever_a_client_says_of_its_address(own):
    with conftest.serving(own, "--rate-local", 8, "--rate-stranger", 5) as server:
        url = server.http + "/api/v1/datasets"
        # Through a proxy that is not ours: always the same stranger, whatever is written.
        written = [requests.get(url, headers={"X-Forwarded-For": f"203.0.113.{n}", "Forwarded": f"for=198.51.100.{n}"}, timeout=60) for n in range(8)]
        assert [a.status_code for a in written] == [200] * 5 + [429] * 3
        refused = written[-1]
        assert refused.headers["content-type"].startswith("application/problem+json") and refused.json()["code"] == "rate.limit" and refused.json()["detail_it"]
        assert 1 <= int(refused.headers["retry-after"]) <= 60 and refused.headers["x-ratelimit-remaining"] == "0" and refused.headers["x-ratelimit-limit"] == "5"
        direct = [requests.get(url, timeout=60).status_code for _ in range(10)]
        assert direct == [200] * 8 + [429] * 2
        # Who has no credit left is refused before a password is looked at.
        assert requests.get(url, auth=("pianificatore", "sbagliata"), timeout=60).status_code == 429


def test_behind_our_proxy_the_address_is_the_one_it_wrote_last(own):
    with conftest.serving(own, "--behind-proxy", "--rate-stranger", 3) as server:
        ask = lambda forwarded: requests.get(server.http + "/api/v1/datasets", headers={"X-Forwarded-For": forwarded}, timeout=60).status_code
        assert [ask(f"10.0.0.{n}, 192.0.2.1") for n in range(5)] == [200] * 3 + [429] * 2
        assert ask("192.0.2.2") == 200
        # A cookie or a token that is nobody's buys nothing; an account keeps its own measure at an address that has none left.
        for n, (header, first) in enumerate([({"Cookie": "__Host-siss=" + "A" * 43}, 200), ({"Authorization": "Bearer siss_" + "x" * 43}, 401), ({"Cookie": "altro=1"}, 200)]):
            from_there = {"X-Forwarded-For": f"192.0.2.{77 + n}"}
            answers = [requests.get(server.http + "/api/v1/datasets", headers=header | from_there, timeout=60).status_code for _ in range(5)]
            assert answers == [first] * 3 + [429] * 2, header
            assert requests.get(server.http + "/api/v1/datasets", headers=from_there, auth=("pianificatore", server.password), timeout=60).status_code == 200
        # So do a session of a browser and INPS.
        crowded = {"X-Forwarded-For": "192.0.2.90"}
        entered = requests.post(server.http + "/accedi", data={"utenza": "pianificatore", "password": server.password}, headers=crowded, allow_redirects=False, timeout=60)
        session = {"Cookie": entered.headers["set-cookie"].split(";")[0]}
        flows = server.http + "/waas/v1/flussi?since=0&limit=1"
        for url, header in ((server.http + "/sql", session), (flows, {"Authorization": f"Bearer {server.token('inps')}"})):
            assert [requests.get(url, headers=crowded | header, allow_redirects=False, timeout=60).status_code for _ in range(5)] == [200] * 5, url
        # One network of IPv6 is one client.
        assert [ask(f"2001:db8:0:1::{n}") for n in range(1, 6)] == [200] * 3 + [429] * 2


# --- reading


def test_other_sites_may_read_what_is_everybodys_and_nothing_else(get, server):
    for path in (ROWS, "/catalog.ttl", "/api/3/action/package_list", "/api/openapi.json"):
        answer = get(path, Origin="https://altro.example")
        assert answer.headers["access-control-allow-origin"] == "*" and "etag" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in get(ROWS, "pianificatore", Origin="https://altro.example").headers
    assert "access-control-allow-origin" not in get("/", Origin="https://altro.example").headers
    assert "access-control-allow-origin" not in get("/metrics", Origin="https://altro.example").headers
    asked = lambda method, path=ROWS: requests.options(server.http + path, headers={"Origin": "https://altro.example", "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}, timeout=60)
    assert asked("GET").headers["access-control-allow-methods"] == "GET, HEAD"
    assert "authorization" not in asked("GET").headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in asked("DELETE").headers


def test_text_is_compressed_and_what_is_compressed_already_is_not(get, server):
    path = "/api/v1/datasets/territorio/comuni/rows"
    plain = get(f"{path}.csv", Accept_Encoding="identity")
    assert "content-encoding" not in plain.headers
    for extension in ("csv", "json", "ndjson"):
        squeezed = requests.get(f"{server.http}{path}.{extension}", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=60)
        raw = squeezed.raw.read(decode_content=False)
        assert squeezed.headers["content-encoding"] == "gzip" and "accept-encoding" in squeezed.headers["vary"]
        whole = get(f"{path}.{extension}", Accept_Encoding="identity").content
        assert gzip.decompress(raw) == whole and len(raw) < 0.7 * len(whole)
        assert squeezed.headers["etag"] == get(f"{path}.{extension}", Accept_Encoding="identity").headers["etag"]
    assert "content-encoding" not in get(f"{path}.parquet", Accept_Encoding="gzip").headers


def test_head_says_what_get_says(get):
    for path in (ROWS, "/catalog.ttl", "/", "/status", "/api/openapi.json"):
        one, other = get(path), get(path, method="HEAD")
        assert other.status_code == one.status_code == 200 and other.content == b""
        for name in ("content-type", "siss-complete", "cache-control"):
            assert one.headers.get(name) == other.headers.get(name), (path, name)


def test_every_answer_says_whether_it_is_whole(get):
    for path in PATHS + ["/", "/status", "/robots.txt", "/api/openapi.json", "/dataset/assa/strutture"]:
        assert get(path).headers["siss-complete"] in ("true", "limit"), path
    assert get(ROWS).headers["siss-complete"] == "limit" and get("/api/v1/datasets/territorio/comuni/rows.csv").headers["siss-complete"] == "true"


def test_static_files_are_immutable(get):
    style = re.search(r'href="(/static/[^"]+\.css)"', html.unescape(get("/").text)).group(1)
    answer = get(style)
    assert "immutable" in answer.headers["cache-control"] and answer.headers["cache-control"].startswith("public")
    assert "set-cookie" not in answer.headers

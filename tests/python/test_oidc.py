"""Sign-in by OpenID Connect: a certified provider for what is right, a hostile one for what must be refused."""

import csv
import json
import re
import shutil
import sqlite3
import urllib.parse

import pytest
import requests

import conftest
import identity
from browser import PHONE, Window
from desk import Browser, text
from identity import CLIENT, FISCAL, L1, L2, SECRET, Visit, sent
from persons import Person

OFFICIAL = Person(0).code


def applicant(data):
    """The fiscal code of somebody who applied for a contribution, and that person's applications, from the files that were delivered."""
    rows = [row for file in sorted((data / "region/sirse.domande_contributo").rglob("*.csv")) for row in csv.DictReader(file.open(encoding="utf-8"))]
    code = next(row["id_persona"] for row in rows if row["id_persona"])
    return code, {row["id_domanda"] for row in rows if row["id_persona"] == code}


@pytest.fixture(scope="module")
def here(lake, siss, tmp_path_factory):
    """Our server, and the certified provider that knows some people."""
    folder = tmp_path_factory.mktemp("oidc")
    data = shutil.copytree(lake, folder / "data")
    code, applications = applicant(data)
    people = {
        "cittadina": {FISCAL: f"TINIT-{code}", "email": "pianificatore@example.org"},
        "ufficio": {FISCAL: f"TINIT-{OFFICIAL}"},
        "addetta": {"gruppi": ["siss-comune"], "codice_istat": "058120"},
        "senza_codice": {"gruppi": ["siss-comune"]},
        "ignota": {"email": "amministratore@example.org", "gruppi": ["altro"]},
        "estera": {FISCAL: "TINDE-123456"},
    }
    for name in ("sportello", "ufficio_due"):
        assert siss("user", "--data", data, "add", name, "--role", "comune", "--fact", "codice_istat=058091").returncode == 0
        given = siss("user", "--data", data, "person", name, "--fiscal-code-stdin", input=OFFICIAL + "\n")
        assert given.returncode == 0, given.stderr
    port = identity.free_port()
    with conftest.serving(data, *identity.options(folder, port)) as server, identity.real(port, server.http, people) as provider:
        server.issuer, server.applications, server.code = provider.issuer, applications, code
        yield server


@pytest.fixture
def visit(here):
    return Visit(Browser(here), here.issuer)


def account(browser):
    return re.search(r'class="siss-account"[^>]*>.*?</span>([^<]*)<', browser.get("/area").text)[1]


def rows(browser, dataset):
    answer = browser.get(f"/api/v1/datasets/{dataset}/rows.json?limit=1000", headers={"Accept": "application/json"})
    return answer.json()["rows"] if answer.status_code == 200 else None


def store(here, sql, *values, write=False):
    db = sqlite3.connect(f"file:{here.data}/state/siss.db?mode={'rw' if write else 'ro'}", uri=True, timeout=10)
    try:
        with db:
            return db.execute(sql, values).fetchall()
    finally:
        db.close()


# What is right


def test_a_citizen_signs_in_and_sees_their_own(here, visit):
    begun = visit.begin("/sql?lang=en")
    address, asked = sent(begun)
    assert begun.status_code == 303 and f"{address.scheme}://{address.netloc}" == here.issuer
    assert (asked["response_type"], asked["client_id"], asked["scope"], asked["acr_values"]) == ("code", CLIENT, "openid profile", L2)
    assert asked["redirect_uri"] == f"{here.http}/accedi/identita/ritorno" and asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3 and min(map(len, (asked["state"], asked["nonce"]))) == 43
    assert re.fullmatch(r"siss-identita=[\w-]{43}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax", begun.headers["set-cookie"])
    answer = visit.hop(visit.at_provider(begun, "cittadina"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/sql?lang=en")
    cookies = answer.headers["set-cookie"]
    assert re.search(r"\bsiss=[\w-]{43}; Path=/; Max-Age=36000; HttpOnly; SameSite=Lax", cookies) and "siss-identita=; Path=/; Max-Age=0" in cookies
    page = text(visit.browser.get("/area"))
    assert "Cittadino" in page and "SPID o CIE, livello 2" in page and here.code not in page
    own = rows(visit.browser, "sirse/domande_contributo")
    assert {row["id_domanda"] for row in own} == here.applications and all("id_persona" not in row for row in own)
    assert rows(visit.browser, "sirse/servizi") and rows(visit.browser, "sigess/accessi") is None
    # Neither the code, nor the subject, nor the e-mail is kept: the account has a name of its own, the same the next time.
    name = account(visit.browser)
    again = Visit(Browser(here), here.issuer)
    assert again.enter("cittadina").headers["location"] == "/area" and account(again.browser) == name and re.fullmatch(r"id-[0-9a-f]{32}", name)
    kept = json.dumps(store(here, "SELECT * FROM accounts") + store(here, "SELECT * FROM sessions"))
    assert here.code not in kept and "cittadina" not in kept and "example.org" not in kept and "eyJ" not in kept


def test_an_official_enters_by_the_account_that_was_given_and_changes_capacity(here, visit):
    assert visit.enter("ufficio").status_code == 303
    browser = visit.browser
    assert account(browser) == "sportello" and {row["codice_istat"] for row in rows(browser, "sirse/iscrizioni")} == {"058091"}
    area = browser.get("/area")
    offered = re.findall(r'name="utenza" value="([^"]*)"', area.text)
    assert offered[0] == "ufficio_due" and len(offered) == 2 and "Le mie altre vesti" in text(area)
    before, (began,) = browser.session.cookies["siss"], store(here, "SELECT created FROM sessions WHERE account = 'sportello'")[-1]
    changed = browser.post("/area/veste", {"utenza": offered[1]}, browser.word("/area"))
    assert changed.status_code == 303 and browser.session.cookies["siss"] != before
    assert account(browser) == offered[1] and "Cittadino" in text(browser.get("/area")) and rows(browser, "sirse/iscrizioni") is None
    assert store(here, "SELECT created FROM sessions WHERE account = ?", offered[1])[-1] == (began,), "no longer than the session before"
    stolen = requests.get(f"{here.http}/area", cookies={"siss": before}, allow_redirects=False, timeout=60)
    assert stolen.status_code == 303, "the old secret is over"
    for other in ("amministratore", "comune_058120", "", "id-0"):
        assert browser.post("/area/veste", {"utenza": other}, browser.word("/area")).status_code == 404, other
    # Who signed in by password has proved no person.
    assert Browser(here, "steward").post("/area/veste", {"utenza": "sportello"}).status_code == 404


def test_a_claim_gives_a_role_with_its_facts(here, visit):
    assert visit.enter("addetta").status_code == 303
    assert {row["codice_istat"] for row in rows(visit.browser, "sirse/iscrizioni")} == {"058120"}
    page = text(visit.browser.get("/area"))
    assert "058120" in page and "RM 3.1" in page, "the district is looked up"


def test_signing_out_ends_our_session_and_then_the_providers(here, visit):
    visit.enter("cittadina")
    secret = visit.browser.session.cookies["siss"]
    answer = visit.browser.post("/esci")
    assert answer.status_code == 200 and "Accesso terminato" in text(answer)
    assert requests.get(f"{here.http}/area", cookies={"siss": secret}, allow_redirects=False, timeout=60).status_code == 303
    address = answer.headers["refresh"].removeprefix("0; url=")
    assert address in answer.text.replace("&amp;", "&").replace("&#x2f;", "/")
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    assert address.startswith(f"{here.issuer}/session/end?") and asked["post_logout_redirect_uri"] == f"{here.http}/" and asked["id_token_hint"].count(".") == 2
    ended = visit.confirm_end(address)
    assert ended.headers["location"] == f"{here.http}/"
    # The provider asks again who one is.
    assert "/interaction/" in visit.hop(visit.begin().headers["location"]).headers["location"]


def test_a_session_ends_when_the_provider_says_so(here):
    one, other = Visit(Browser(here), here.issuer), Visit(Browser(here), here.issuer)
    for visit in (one, other):
        visit.enter("cittadina")
    assert account(one.browser) == account(other.browser)
    # Signed out at the provider, as from another site that uses it: its own request to us ends our session, and only that one.
    page = one.hop(f"{here.issuer}/session/end")
    word = re.search(r'name="xsrf" value="([^"]*)"', page.text)[1]
    one.browser.session.post(f"{here.issuer}/session/end/confirm", data={"xsrf": word, "logout": "yes"}, headers={"Origin": here.issuer}, timeout=60)
    assert one.browser.get("/area", allow_redirects=False).status_code == 303
    assert other.browser.get("/area", allow_redirects=False).status_code == 200


# What is refused, with a provider that does nothing wrong


def refused(answer, code, status=403):
    assert answer.status_code == status and code in answer.text, (answer.status_code, text(answer)[:500])
    assert "siss=" not in answer.headers.get("set-cookie", "").replace("siss-identita=", "")


def test_a_sign_in_that_is_too_weak_is_refused_and_says_what_to_do(here, visit):
    answer = visit.enter("cittadina", L1)
    refused(answer, "oidc.level")
    assert "SPID di livello 2" in text(answer) and "Accedi" in text(answer)
    for level in ("", "https://www.spid.gov.it/SpidL3x"):
        refused(Visit(Browser(here), here.issuer).enter("cittadina", level), "oidc.level")
    english = Visit(Browser(here), here.issuer)
    english.browser.session.headers["Accept-Language"] = "en"
    assert "SPID level 2" in text(english.enter("cittadina", L1))


@pytest.mark.parametrize("login", ["ignota", "estera"])
def test_somebody_without_a_place_is_refused_and_no_account_is_made(here, visit, login):
    before = store(here, "SELECT count(*) FROM accounts")
    answer = visit.enter(login)
    refused(answer, "oidc.unknown")
    assert "l'ufficio per cui si lavora" in text(answer) and store(here, "SELECT count(*) FROM accounts") == before


def test_a_role_without_its_fact_is_refused(visit):
    refused(visit.enter("senza_codice"), "oidc.claims")


def test_who_cancels_at_the_provider_is_told_so(visit):
    refused(visit.enter("nessuno"), "oidc.denied")


def test_a_callback_counts_once_in_its_browser_and_in_time(here, visit):
    address = visit.at_provider(visit.begin(), "cittadina")
    # Another browser, which has its own sign-in under way or none.
    other = Visit(Browser(here), here.issuer)
    refused(other.hop(address), "oidc.expired")
    other.begin()
    refused(other.hop(address), "oidc.expired")
    refused(visit.hop(address), "oidc.expired")
    assert Visit(Browser(here), here.issuer).enter("cittadina").status_code == 303
    # The same answer a second time.
    twice = Visit(Browser(here), here.issuer)
    address, kept = twice.at_provider(twice.begin(), "cittadina"), dict(twice.browser.session.cookies)
    assert twice.hop(address).status_code == 303
    twice.browser.session.cookies.set("siss-identita", kept["siss-identita"], domain="127.0.0.1", path="/")
    refused(twice.hop(address), "oidc.expired")
    # After ten minutes.
    late = Visit(Browser(here), here.issuer)
    address = late.at_provider(late.begin(), "cittadina")
    store(here, "UPDATE oidc_transactions SET expires = expires - 601", write=True)
    refused(late.hop(address), "oidc.expired")


def test_another_state_code_or_issuer_is_refused(here):
    for wrong in ({"state": "A" * 43}, {"state": ""}, {"code": "x"}, {"iss": "https://other.example"}, {"iss": None}, {"code": None}):
        visit = Visit(Browser(here), here.issuer)
        address = urllib.parse.urlsplit(visit.at_provider(visit.begin(), "cittadina"))
        said = dict(urllib.parse.parse_qsl(address.query)) | wrong
        said = {name: value for name, value in said.items() if value is not None}
        answer = visit.hop(address._replace(query=urllib.parse.urlencode(said)).geturl())
        assert answer.status_code in (403, 502) and "siss" not in visit.browser.session.cookies, wrong
    refused(requests.get(f"{here.http}/accedi/identita/ritorno", headers={"Accept": "text/html"}, timeout=60), "oidc.expired")


def test_a_code_is_worth_nothing_without_its_verifier(here, visit):
    """Who steals the code on its way has not the verifier: it never leaves us but to the provider."""
    address = urllib.parse.urlsplit(visit.at_provider(visit.begin(), "cittadina"))
    code = dict(urllib.parse.parse_qsl(address.query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{here.http}/accedi/identita/ritorno"}
    for verifier in ({}, {"code_verifier": "x" * 43}):
        stolen = requests.post(f"{here.issuer}/token", data=form | verifier, auth=(urllib.parse.quote(CLIENT), urllib.parse.quote_plus(SECRET)), timeout=60)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    bare = requests.get(f"{here.issuer}/auth", params={"response_type": "code", "client_id": CLIENT, "scope": "openid", "redirect_uri": form["redirect_uri"]}, allow_redirects=False, timeout=60)
    assert "PKCE" in urllib.parse.unquote_plus(bare.headers["location"])


@pytest.mark.parametrize("elsewhere", ["https://example.org", "//example.org", "/\\example.org", "javascript:alert(1)", "/accedi?da=//x", "\\\\x"])
def test_a_sign_in_leads_to_our_pages_only(visit, elsewhere):
    assert visit.enter("cittadina", back=elsewhere).headers["location"] == "/area"


def test_another_site_cannot_begin_a_sign_in(here):
    """Its link leads to the page on which a person decides to sign in; the provider is not asked."""
    ask = lambda site: requests.get(f"{here.http}/accedi/identita", headers={"Sec-Fetch-Site": site, "Accept": "text/html"}, allow_redirects=False, timeout=60)
    for site in ("cross-site", "same-site"):
        assert ask(site).status_code == 303 and ask(site).headers["location"] == "/accedi" and "set-cookie" not in ask(site).headers
    for site in ("same-origin", "none"):
        assert ask(site).headers["location"].startswith("http") and "set-cookie" in ask(site).headers


def test_a_session_put_into_a_browser_before_is_worth_nothing_after(here, visit):
    attacker = Browser(here, "comune_058120")
    fixed = attacker.session.cookies["siss"]
    visit.browser.session.cookies.set("siss", fixed, domain="127.0.0.1", path="/")
    assert visit.enter("cittadina").status_code == 303
    assert visit.browser.session.cookies["siss"] != fixed and attacker.get("/area", allow_redirects=False).status_code == 303


def test_an_account_that_was_taken_back_opens_nothing(here, siss, visit):
    visit.enter("ufficio")
    assert account(visit.browser) == "sportello"
    for name in ("sportello", "ufficio_due"):
        assert siss("user", "--data", here.data, "person", name, "--remove").returncode == 0
    assert visit.browser.get("/area", allow_redirects=False).status_code == 303, "its sessions end"
    assert visit.enter("ufficio").status_code == 303 and "Cittadino" in text(visit.browser.get("/area"))


# A hostile provider


@pytest.fixture(scope="module")
def cheated(lake, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    hostile = identity.Hostile()
    with conftest.serving(shutil.copytree(lake, folder / "data"), *identity.options(folder, hostile.port)) as server:
        server.hostile = hostile
        yield server
    hostile.close()


def cheat(here, **lie):
    """A sign-in at a provider that lies so; the answer to coming back."""
    hostile, browser = here.hostile, Browser(here)
    begun = browser.get("/accedi/identita", allow_redirects=False)
    _, asked = sent(begun)
    hostile.nonce, hostile.lie, hostile.asked = asked["nonce"], lie, []
    try:
        answer = browser.get("/accedi/identita/ritorno", params={"state": asked["state"], "code": "c"}, allow_redirects=False)
    finally:
        hostile.lie = {}
    return answer, asked, browser


def test_what_the_provider_is_sent(cheated):
    answer, asked, browser = cheat(cheated)
    assert answer.status_code == 303 and "Cittadino" in text(browser.get("/area"))
    ((_, form, authorization),) = [one for one in cheated.hostile.asked if one[0] == "/token"]
    assert form["grant_type"] == "authorization_code" and form["code"] == "c" and form["redirect_uri"] == f"{cheated.http}/accedi/identita/ritorno"
    assert len(form["code_verifier"]) == 43 and identity.challenge(form["code_verifier"]) == asked["code_challenge"]
    assert authorization.startswith("Basic ") and "client_secret" not in form


@pytest.mark.parametrize(
    "name, lie",
    [
        ("no signature", {"head": lambda h: h | {"alg": "none"}}),
        ("a shared secret", {"head": lambda h: h | {"alg": "HS256"}}),
        ("a key nobody knows", {"head": lambda h: h | {"kid": "two"}}),
        ("another key of the same name", {"other key": True}),
        ("another algorithm", {"head": lambda h: h | {"alg": "ES256"}}),
        ("an extension", {"head": lambda h: h | {"crit": ["b64"], "b64": False}}),
        ("another nonce", {"claims": lambda c: c | {"nonce": "A" * 43}}),
        ("no nonce", {"claims": lambda c: {k: v for k, v in c.items() if k != "nonce"}}),
        ("another audience", {"claims": lambda c: c | {"aud": "other"}}),
        ("another's token for several", {"claims": lambda c: c | {"aud": [CLIENT, "other"], "azp": "other"}}),
        ("another issuer", {"claims": lambda c: c | {"iss": "https://other.example"}}),
        ("past its time", {"claims": lambda c: c | {"exp": c["iat"] - 3600}}),
        ("old", {"claims": lambda c: c | {"iat": c["iat"] - 7200}}),
        ("not yet", {"claims": lambda c: c | {"iat": c["iat"] + 7200, "exp": c["iat"] + 9000}}),
        ("no subject", {"claims": lambda c: c | {"sub": ""}}),
        ("another subject's claims", {"me": lambda m: m | {"sub": "s-2"}}),
        ("an access token of another", {"claims": lambda c: c | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}),
    ],
)
def test_a_token_that_is_not_right_lets_nobody_in(cheated, name, lie):
    answer, _, browser = cheat(cheated, **lie)
    refused(answer, "oidc.token")
    assert browser.get("/area", allow_redirects=False).status_code == 303


def test_a_level_that_is_not_signed_does_not_count(cheated):
    answer, _, _ = cheat(cheated, claims=lambda c: {k: v for k, v in c.items() if k != "acr"}, me=lambda m: m | {"acr": L2})
    refused(answer, "oidc.level")


def test_answers_that_are_too_large_lead_elsewhere_or_fail(cheated):
    elsewhere = []
    for lie in (
        {"/token": lambda: (200, {}, b'{"id_token": "' + b"a" * (1 << 20) + b'"}')},
        {"/token": lambda: (307, {"location": f"{cheated.hostile.issuer}/elsewhere"}, b"")},
        {"/token": lambda: (500, {}, b'{"error": "secret"}')},
        {"/token": lambda: (200, {}, b"<html>")},
        {"/elsewhere": lambda: (elsewhere.append(1), (200, {}, b"{}"))[1], "/me": lambda: (302, {"location": f"{cheated.hostile.issuer}/elsewhere"}, b"")},
    ):
        answer, _, _ = cheat(cheated, **lie)
        refused(answer, "oidc.unreachable", 502)
    assert not elsewhere and not [one for one in cheated.hostile.asked if one[0] == "/elsewhere"]


@pytest.mark.parametrize("name, value", [("issuer", "https://other.example"), ("jwks_uri", "http://127.0.0.1:1/jwks"), ("token_endpoint", "http://169.254.169.254/"), ("authorization_endpoint", "https://other.example/auth"), ("code_challenge_methods_supported", ["plain"])])
def test_a_description_that_leads_elsewhere_is_not_used(lake, tmp_path, name, value):
    hostile = identity.Hostile()
    hostile.lie = {"description": lambda said: said | {name: value}}
    with conftest.serving(shutil.copytree(lake, tmp_path / "data"), *identity.options(tmp_path, hostile.port)) as server:
        refused(Browser(server).get("/accedi/identita", allow_redirects=False), "oidc.unreachable", 502)
        assert {path for path, _, _ in hostile.asked} <= {"/.well-known/openid-configuration"}
        # Everything else works, and sign-in does once the provider is what it should be.
        assert Browser(server, "steward").get("/area").status_code == 200
        hostile.lie = {}
        assert Browser(server).get("/accedi/identita", allow_redirects=False).status_code == 303
    hostile.close()


def test_a_logout_token_must_be_one(cheated):
    hostile = cheated.hostile

    def over(head=None, **changes):
        claims = hostile.claims(nonce=None, acr=None, jti="1", events={"http://schemas.openid.net/event/backchannel-logout": {}}) | changes
        token = hostile.signed({"alg": "RS256", "kid": "one", "typ": "logout+jwt"} | (head or {}), {k: v for k, v in claims.items() if v is not None})
        return requests.post(f"{cheated.http}/accedi/identita/uscita", data={"logout_token": token}, timeout=60).status_code

    _, _, browser = cheat(cheated)
    signed_in = lambda: browser.get("/area", allow_redirects=False).status_code == 200
    for head in ({"alg": "none"}, {"alg": "HS256"}, {"kid": "two"}, {"typ": "at+jwt"}):
        assert over(head) == 400 and signed_in(), head
    for changes in ({"nonce": "n"}, {"aud": "other"}, {"iss": "https://other.example"}, {"events": {}}, {"sub": None, "sid": None}, {"iat": 1}):
        assert over(**changes) == 400 and signed_in(), changes
    assert over(sid="sid-2", sub=None) == 200 and signed_in(), "another's session"
    assert over(sub=None) == 200 and not signed_in()


def test_no_start_with_what_cannot_be_right(siss, tmp_path):
    """A mapping that gives administrators by claim, an issuer without TLS, a secret that is not there."""
    options = identity.options(tmp_path, 1)
    serve = ["serve", "--data", tmp_path / "data", *[part for door in ("http", "postgres", "flight") for part in (f"--{door}", "127.0.0.1:0")]]

    def fails(*arguments):
        done = siss(*serve, *arguments, timeout=60)
        assert done.returncode != 0
        return done.stderr

    (tmp_path / "mapping.toml").write_text((identity.MAPPING % "refused").replace('"ispettore"', '"amministratore"'), encoding="utf-8")
    assert "by a claim" in fails(*options)
    options = identity.options(tmp_path, 1)
    assert "https" in fails("--oidc-issuer", "http://id.example", *options[2:])
    (tmp_path / "secret").unlink()
    assert "secret" in fails(*options)


# As people see it


@pytest.fixture
def phone_window(chromium, here):
    context = chromium.new_context(base_url=here.http, locale="it-IT", viewport=PHONE, reduced_motion="reduce")
    yield Window(context, here.http)
    context.close()


def test_a_person_with_a_phone_goes_in_and_out(here, phone_window):
    """The whole way in a real browser, whose own rules on cookies and on where forms may lead hold."""
    window, page = phone_window, phone_window.page
    window.open("/")
    page.get_by_role("link", name="Area riservata").click()
    page.wait_for_url("**/accedi?da=%2Farea")
    assert window.axe() == [] and window.wider_than_window() == []
    page.get_by_role("link", name="Entra con SPID o CIE").click()
    page.get_by_label("Who").fill("cittadina")
    page.get_by_label("Level").fill(L2)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{here.http}/area")
    assert window.axe() == [] and window.wider_than_window() == [] and "livello 2" in page.inner_text("main")
    page.get_by_role("button", name="Esci").click()
    page.wait_for_url(f"{here.issuer}/session/end?*")
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(f"{here.http}/")
    assert not [cookie for cookie in page.context.cookies(here.http) if cookie["name"] == "siss"]
    assert {urllib.parse.urlsplit(url).netloc for url in window.foreign} == {urllib.parse.urlsplit(here.issuer).netloc}

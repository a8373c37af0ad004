"""The second factor of administrators, with codes made here by the RFCs, as a phone makes them."""

import base64
import hashlib
import hmac
import itertools
import re
import shutil
import struct
import time

import psycopg
import pytest
import requests

import conftest
from browser import PHONE, Window
from desk import Browser, text

PASSWORD, NUMBERS = "una frase di prova", itertools.count()


def code(secret, at, digits=6):
    """RFC 6238 with SHA-1 and 30 seconds; `secret` in bytes."""
    tag = hmac.new(secret, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    place = tag[-1] & 15
    return str((struct.unpack(">I", tag[place : place + 4])[0] & 0x7FFFFFFF) % 10**digits).zfill(digits)


def test_codes_made_here_are_those_of_the_rfc():
    assert [code(b"12345678901234567890", at, 8) for at in (59, 1111111109, 20000000000)] == ["94287082", "07081804", "65353130"]


@pytest.fixture(scope="module")
def here(lake, siss, tmp_path_factory):
    data = shutil.copytree(lake, tmp_path_factory.mktemp("factor") / "data")
    with conftest.serving(data) as server:
        server.user = lambda *words, **options: siss("user", "--data", data, *words, **options)
        yield server


@pytest.fixture
def who(here):
    """An administrator of the test's own: failures of one lock no other."""
    name = f"admin{next(NUMBERS)}"
    done = here.user("add", name, "--role", "amministratore", "--password-stdin", input=PASSWORD)
    assert done.returncode == 0, done.stderr
    return name


@pytest.fixture
def phone(here, who):
    """What the administrator's phone and paper hold after enrolment."""
    done = here.user("second-factor", who)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert said["address"] == f"otpauth://totp/SISS:{who}?secret={said['secret']}&issuer=SISS&algorithm=SHA1&digits=6&period=30"
    secret = base64.b32decode(said["secret"])
    assert len(secret) == 20
    return secret, said["recovery codes"].split()


def half(here, who):
    """A browser whose password was right."""
    browser = Browser(here)
    answer = browser.enter(who, PASSWORD, da="/sql")
    assert (answer.status_code, answer.headers["location"]) == (303, "/accedi/codice")
    assert re.fullmatch(r"siss-codice=[\w-]{43}; Path=/; Max-Age=300; HttpOnly; SameSite=Lax", answer.headers["set-cookie"])
    return browser


def say(browser, text):
    return browser.session.post(f"{browser.http}/accedi/codice", data={"codice": text}, allow_redirects=False, timeout=60)


def in_time():
    """Now, when the present code will hold for a while yet."""
    now = time.time()
    return now if now % 30 < 20 else now + 30


def signed_in(browser):
    return browser.get("/area", allow_redirects=False).status_code == 200


def test_a_password_and_a_code_open_a_session_and_a_code_counts_once(here, who, phone):
    secret, recovery = phone
    browser = half(here, who)
    assert not signed_in(browser) and "siss" not in browser.session.cookies, "a password alone opens nothing"
    assert "one-time-code" in browser.get("/accedi/codice").text
    now = code(secret, in_time())
    wrong = say(browser, "000000" if now != "000000" else "111111")
    assert wrong.status_code == 403 and "Codice non accettato" in text(wrong) and not signed_in(browser)
    waiting = browser.session.cookies["siss-codice"]
    right = say(browser, f" {now[:3]} {now[3:]} ")
    assert (right.status_code, right.headers["location"]) == (303, "/sql") and signed_in(browser)
    assert "Secondo fattore attivo" in text(browser.get("/area"))
    again = half(here, who)
    assert say(again, now).status_code == 403, "a code was used already"
    # The wait is over with the sign-in.
    again.session.cookies.set("siss-codice", waiting, domain="127.0.0.1", path="/")
    over = say(again, now)
    assert over.status_code == 403 and "sign_in.over" in over.text and ">Accedi</a>" in over.text
    paper = half(here, who)
    assert say(paper, recovery[0].lower().replace("-", " ")).status_code == 303 and signed_in(paper)
    assert say(half(here, who), recovery[0]).status_code == 403, "so was a recovery code"


def test_wrong_codes_lock_and_a_right_password_does_not_unlock(here, who, phone):
    secret, recovery = phone
    for _ in range(6):
        assert say(half(here, who), "123456").status_code == 403
    assert Browser(here).enter(who, PASSWORD).status_code == 403, "locked, and told no more than with a wrong password"
    deadline = time.monotonic() + 30
    while (answer := Browser(here).enter(who, PASSWORD)).status_code != 303 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert answer.headers["location"] == "/accedi/codice"
    assert say(half(here, who), recovery[1]).status_code == 303


def test_programs_get_in_with_tokens_alone(here, who, phone):
    host, port = here.postgres.rsplit(":", 1)
    assert requests.get(f"{here.http}/api/v1/datasets", auth=(who, PASSWORD), timeout=60).status_code == 401
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=host, port=port, dbname="siss", user=who, password=PASSWORD)
    token = here.token(who)
    assert requests.get(f"{here.http}/api/v1/datasets", headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code == 200


def test_setting_it_up_ends_sessions(here, who):
    browser = Browser(here)
    assert browser.enter(who, PASSWORD).status_code == 303 and signed_in(browser), "on this machine an administrator may do without"
    assert here.user("second-factor", who).returncode == 0
    assert not signed_in(browser)
    assert here.user("second-factor", who, "--remove").returncode == 0 and here.user("second-factor", who, "--remove").returncode == 1
    assert here.user("second-factor", "nessuno").returncode == 1
    assert Browser(here).enter(who, PASSWORD).headers["location"] == "/area"


def test_where_others_can_reach_us_who_sees_persons_must_have_one(siss, lake, tmp_path):
    who = "amministratore"
    data = shutil.copytree(lake, tmp_path / "data")
    with conftest.serving(data, "--behind-proxy") as server:

        def enter(name):
            return requests.post(f"{server.http}/accedi", data={"utenza": name, "password": server.password}, headers={"Accept-Language": "it"}, allow_redirects=False, timeout=60)

        for one in (who, "comune_058091", "distretto_rm_5_1"):
            told = enter(one)
            assert told.status_code == 403 and f"siss user second-factor {one}" in text(told) and "set-cookie" not in told.headers, one
            assert requests.get(f"{server.http}/api/v1/datasets", auth=(one, server.password), timeout=60).status_code == 401
        cookie = enter("steward").headers["set-cookie"]
        assert re.fullmatch(r"__Host-siss=[\w-]{43}; Path=/; Max-Age=36000; HttpOnly; SameSite=Lax; Secure", cookie)
        done = siss("user", "--data", data, "second-factor", who)
        secret = base64.b32decode(re.search("secret: (.*)", done.stdout)[1])
        waiting = enter(who).headers["set-cookie"]
        assert waiting.startswith("__Host-siss-codice=") and waiting.endswith("; Secure")
        answer = requests.post(f"{server.http}/accedi/codice", data={"codice": code(secret, in_time())}, headers={"Cookie": waiting.split(";")[0]}, allow_redirects=False, timeout=60)
        assert answer.status_code == 303 and "__Host-siss=" in answer.headers["set-cookie"]


def test_the_page_for_the_code_is_good_on_a_phone(chromium, here, who, phone):
    context = chromium.new_context(base_url=here.http, locale="it-IT", viewport=PHONE, reduced_motion="reduce")
    try:
        window = Window(context, here.http)
        window.open("/accedi")
        window.page.get_by_label("Utenza").fill(who)
        window.page.get_by_label("Password").fill(PASSWORD)
        window.page.get_by_role("button", name="Accedi").click()
        window.page.wait_for_url("**/accedi/codice")
        assert window.axe() == [] and window.wider_than_window() == []
        window.page.get_by_label("Codice", exact=True).fill("12345")
        window.page.get_by_role("button", name="Accedi").click()
        window.page.get_by_role("alert").wait_for()
        assert window.axe() == [] and window.foreign == []
        window.page.get_by_label("Codice", exact=True).fill(phone[1][2])
        window.page.get_by_role("button", name="Accedi").click()
        window.page.wait_for_url("**/area")
    finally:
        context.close()

"""Sign-in by browser, the SQL page and the pages of those who deliver, as a person without script uses them."""

import csv
import io
import json
import re
import shutil
import sqlite3
import time

import openpyxl
import psycopg
import pytest
import requests
from pyarrow import flight

import conftest
import deliveries
from desk import Browser, errors, html, text

OWN, OTHER = "058091", "058120"


@pytest.fixture(scope="module")
def here(lake, tmp_path_factory):
    data = shutil.copytree(lake, tmp_path_factory.mktemp("desk") / "data")
    with conftest.serving(data) as server:
        server.model = deliveries.model(data, OWN)
        yield server


@pytest.fixture(scope="module")
def planner(here):
    return Browser(here, "pianificatore")


@pytest.fixture(scope="module")
def official(here):
    return Browser(here, f"comune_{OWN}")


def cookie(answer):
    return answer.headers["set-cookie"]


# Sign-in


def test_a_session_begins_at_sign_in_and_is_over_at_sign_out(here):
    browser = Browser(here)
    sent_away = browser.get("/sql?domanda=a", allow_redirects=False)
    assert (sent_away.status_code, sent_away.headers["location"]) == (303, "/accedi?da=%2Fsql%3Fdomanda%3Da")
    answer = browser.enter("pianificatore", here.password, da="/sql?lang=en")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sql?lang=en")
    assert re.fullmatch(r"siss=[\w-]{43}; Path=/; Max-Age=36000; HttpOnly; SameSite=Lax", cookie(answer))
    assert "pianificatore" in text(browser.get("/")) and "Pianificatore regionale" in text(browser.get("/accedi"))
    stolen = dict(browser.session.cookies)
    assert browser.post("/esci").status_code == 303
    for cookies in (dict(browser.session.cookies), stolen):
        over = requests.get(f"{here.http}/sql", cookies=cookies, allow_redirects=False, timeout=60)
        assert over.status_code == 303 and over.headers["location"].startswith("/accedi"), cookies


def test_a_session_put_into_a_browser_before_the_sign_in_is_worth_nothing_after_it(here):
    attacker = Browser(here, f"comune_{OTHER}")
    fixed = attacker.session.cookies["siss"]
    victim = Browser(here)
    victim.session.cookies.set("siss", fixed)
    assert victim.enter("pianificatore", here.password).status_code == 303
    assert victim.session.cookies.get("siss", domain="127.0.0.1") != fixed
    # The old one is over, neither the attacker's nor the victim's.
    assert attacker.get("/sql", allow_redirects=False).status_code == 303
    invented = requests.get(f"{here.http}/sql", cookies={"siss": "A" * 43}, allow_redirects=False, timeout=60)
    assert invented.status_code == 303


def test_sessions_end_with_the_password_and_when_an_administrator_says_so(siss, here):
    def user(*words, **options):
        done = siss("user", "--data", here.data, *words, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def signed_in(browser):
        return browser.get("/sql", allow_redirects=False).status_code == 200

    password = "fagiolo nuvola traghetto"
    user("add", "passeggera", "--role", "pianificatore", "--password-stdin", input=password)
    browser = Browser(here)
    assert browser.enter("passeggera", password).status_code == 303 and signed_in(browser)
    user("password", "passeggera", "--password-stdin", input="un'altra frase di prova")
    assert not signed_in(browser)
    assert browser.enter("passeggera", password).status_code == 403
    assert browser.enter("passeggera", "un'altra frase di prova").status_code == 303 and signed_in(browser)
    user("sign-out", "passeggera")
    assert not signed_in(browser)
    browser.enter("passeggera", "un'altra frase di prova")
    user("remove", "passeggera")
    assert not signed_in(browser)


def test_connections_that_sign_in_once_end_with_what_they_were_opened_with(siss, here):
    """PostgreSQL and Flight SQL: a new password, a token taken back, a sign-out, an account that is gone."""
    def user(*words, **options):
        done = siss("user", "--data", here.data, *words, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def postgres(secret, name="ospite"):
        host, port = here.postgres.rsplit(":", 1)
        mode = "require" if name == "token" else "prefer"
        return psycopg.connect(host=host, port=port, user=name, password=secret, dbname="siss", sslmode=mode, autocommit=True)

    def over(connection):
        time.sleep(1.1)
        with pytest.raises(psycopg.OperationalError, match="sign in again"):
            connection.execute("SELECT 1")
        return connection.closed

    password = "ottone fagiolo nuvola"
    user("add", "ospite", "--role", "pianificatore", "--password-stdin", input=password)
    for end, secret in [(lambda: user("sign-out", "ospite"), password), (lambda: user("password", "ospite", "--password-stdin", input="fagiolo nuvola traghetto"), "fagiolo nuvola traghetto")]:
        connection = postgres(password)
        client = flight.FlightClient(here.flight.replace("grpc://", "grpc+tcp://"))
        bearer = flight.FlightCallOptions(headers=[client.authenticate_basic_token("ospite", password)])
        assert list(client.list_actions(bearer))
        time.sleep(1.1)
        assert connection.execute("SELECT 1").fetchone() == (1,), "nothing has changed"
        end()
        assert over(connection)
        with pytest.raises(flight.FlightUnauthenticatedError):
            list(client.list_actions(bearer))
        password = secret
    token = here.token("ospite")
    connection = postgres(token, "token")
    assert connection.execute("SELECT current_user").fetchone() == ("ospite",)
    listed = [json.loads(line) for line in siss("token", "--data", here.data, "--account", "ospite", "--list").stdout.splitlines()]
    assert siss("token", "--data", here.data, "--account", "ospite", "--revoke", listed[0]["id"]).returncode == 0
    assert over(connection)
    connection = postgres(password)
    user("remove", "ospite")
    assert over(connection)


def test_a_person_changes_the_password(siss, here):
    password, other = "ottone fagiolo nuvola", "fagiolo nuvola traghetto"
    assert siss("user", "--data", here.data, "add", "mutevole", "--role", "pianificatore", "--password-stdin", input=password).returncode == 0
    one, two = Browser(here), Browser(here)
    assert one.enter("mutevole", password).status_code == two.enter("mutevole", password).status_code == 303

    def change(now, new, again=None):
        return one.post("/area/password", {"attuale": now, "nuova": new, "ripetuta": new if again is None else again}, one.word("/area"))

    for fields, said in [((password, other, "altra cosa lunga"), "sono diverse"), ((password, "corta"), "almeno 12 caratteri"), ((password, "mutevole12345"), "facile da indovinare"),
                         ((password, password), "uguale a quella attuale"), (("sbagliata!!!", other), "non è quella giusta")]:
        answer = change(*fields)
        assert answer.status_code == 422 and said in text(answer), said
    assert two.get("/sql", allow_redirects=False).status_code == 200
    before = one.session.cookies.get_dict()
    done = change(password, other)
    assert done.status_code == 303 and "Password cambiata" in text(one.get(done.headers["location"]))
    assert one.session.cookies.get_dict() != before and two.get("/sql", allow_redirects=False).status_code == 303, "the other session is over"
    assert Browser(here).enter("mutevole", password).status_code == 403 and Browser(here).enter("mutevole", other).status_code == 303
    # Where an identity provider or tokens alone open, there is nothing to change.
    assert 'action="/area/password"' in html(one.get("/area"))


def test_a_first_password_opens_only_the_page_where_another_is_chosen(siss, here):
    made = siss("user", "--data", here.data, "add", "nuova.utenza", "--role", "pianificatore")
    first, own = re.fullmatch("password: (.*)\n", made.stdout)[1], "fagiolo nuvola traghetto"
    assert "/accedi" in made.stderr
    browser = Browser(here)
    answer = browser.enter("nuova.utenza", first, da="/sql")
    assert (answer.status_code, answer.headers["location"]) == (303, "/accedi/password")
    assert "siss" not in browser.session.cookies and browser.get("/area", allow_redirects=False).status_code == 303, "it is no session yet"
    assert browser.get("/accedi/codice").status_code == 403, "no step takes the place of another"
    host, port = here.postgres.rsplit(":", 1)
    assert requests.get(f"{here.http}/api/v1/datasets", auth=("nuova.utenza", first), timeout=60).status_code == 401
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=host, port=port, dbname="siss", user="nuova.utenza", password=first)
    with pytest.raises(flight.FlightUnauthenticatedError):
        flight.FlightClient(here.flight.replace("grpc://", "grpc+tcp://")).authenticate_basic_token("nuova.utenza", first)

    def choose(browser, new, again=None):
        return browser.session.post(f"{here.http}/accedi/password", data={"nuova": new, "ripetuta": new if again is None else again}, allow_redirects=False, timeout=60)

    assert "Scegliere la propria password" in text(browser.get("/accedi/password"))
    for fields, said in [((own, "altra cosa lunga"), "sono diverse"), (("corta",), "almeno 12 caratteri"), ((first,), "uguale a quella attuale")]:
        answer = choose(browser, *fields)
        assert answer.status_code == 422 and said in text(answer), said
    # Another browser that knew the first password is half of the way too: it must not come in after the owner.
    late = Browser(here)
    late.enter("nuova.utenza", first)
    done = choose(browser, own)
    assert (done.status_code, done.headers["location"]) == (303, "/sql") and browser.get("/area", allow_redirects=False).status_code == 200
    answer = choose(late, "ottone nuvola fagiolo")
    assert answer.status_code == 403 and "sign_in.over" in answer.text
    assert Browser(here).enter("nuova.utenza", first).status_code == 403 and Browser(here).enter("nuova.utenza", own).headers["location"] == "/area"
    with psycopg.connect(host=host, port=port, dbname="siss", user="nuova.utenza", password=own) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("nuova.utenza",)


def test_a_first_password_is_over_after_a_week(siss, lake, tmp_path):
    data = shutil.copytree(lake, tmp_path / "data")
    first = re.search("password: (.*)", siss("user", "--data", data, "add", "tardiva", "--role", "pianificatore").stdout)[1]
    listed = {one["name"]: one for one in map(json.loads, siss("user", "--data", data, "list").stdout.splitlines())}
    assert abs(listed["tardiva"]["first_password_until"] - time.time() - 7 * 86400) < 300 and listed["steward"]["first_password_until"] is None
    with sqlite3.connect(data / "state" / "siss.db") as store:
        store.execute("UPDATE accounts SET first_until = ? WHERE name = 'tardiva'", (int(time.time()) - 1,))
    with conftest.serving(data) as server:
        told = Browser(server).enter("tardiva", first)
        assert told.status_code == 403 and "prima password è scaduta" in text(told) and "siss user password tardiva" in text(told)


def test_signing_out_is_on_every_page_that_needs_a_session_and_leaves_nothing(here):
    browser = Browser(here, "steward")
    for path in ("/sql", "/consegne", "/pratiche", "/area"):
        assert 'action="/esci"' in html(browser.get(path)), path
    assert 'action="/esci"' not in html(browser.get("/"))
    gone = browser.post("/esci", word=browser.word("/area"))
    assert gone.status_code == 303 and gone.headers["clear-site-data"] == '"cache", "storage"'


def test_a_wrong_sign_in_says_the_same_whatever_was_wrong_and_locks(here):
    answers = {Browser(here).enter(name, "sbagliata").text.replace(name, "") for name in ("inps", "nessuno")}
    assert len(answers) == 1 and "Accesso non riuscito" in answers.pop()
    refused = Browser(here).enter("inps", "sbagliata")
    assert refused.status_code == 403 and "set-cookie" not in refused.headers and "www-authenticate" not in refused.headers
    for _ in range(4):
        Browser(here).enter("inps", "sbagliata")
    assert Browser(here).enter("inps", here.password).status_code == 403, "locked, as by the other doors"


@pytest.mark.parametrize("elsewhere", ["https://example.org", "//example.org", "/\\example.org", "javascript:alert(1)"])
def test_a_sign_in_leads_to_our_pages_only(here, elsewhere):
    assert Browser(here).enter("steward", here.password, da=elsewhere).headers["location"] == "/area"


def test_forms_of_other_sites_are_refused(here, planner):
    word = planner.word()
    fields = {"sql": "SELECT 1"}
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://example.org"}, {"Origin": "null"}):
        answer = planner.post("/sql", fields, word, headers=header)
        assert answer.status_code == 403 and "request.cross_site" in answer.text, header
    for wrong in ("", "A" * 43, Browser(here, "steward").word()):
        for path in ("/sql", "/sql/salva", "/sql/risposta.csv", "/esci", "/consegne/firma"):
            answer = planner.post(path, {**fields, "titolo": "a", "dataset": "a", "periodo": "a"}, wrong)
            assert answer.status_code == 403 and "request.form" in answer.text, (path, wrong)
    # REST takes the cookie for reading; what changes something, or asks, needs the word too.
    rows = planner.get("/api/v1/datasets/sigess/accessi/rows.json?limit=1", headers={"Accept": "application/json"})
    assert rows.status_code == 200 and rows.json()["rows"]
    asked = planner.session.post(f"{here.http}/api/v1/sql", json={"sql": "SELECT 1"}, headers={"Accept": "application/json"}, timeout=60)
    assert (asked.status_code, asked.json()["code"]) == (403, "request.form")
    assert planner.post("/sql", fields, word).status_code == 200


# SQL


def test_a_planner_runs_sql_and_is_told_whether_that_is_all(planner):
    page = planner.post("/sql", {"sql": "SELECT codice_istat, comune FROM territorio.comuni WHERE comune IN ('Roma', 'Rieti') ORDER BY comune"})
    assert page.status_code == 200 and "Il risultato è completo. Righe: 2." in text(page)
    assert re.findall(r"<td>(\d{6})</td>", page.text) == ["057059", "058091"]
    cut = planner.post("/sql", {"sql": "SELECT codice_istat FROM territorio.comuni"})
    assert "Mostrate le prime 200 righe: ce ne sono altre." in text(cut) and cut.text.count("<tr><td") == 200
    assert "Il risultato è completo. Righe: 0." in text(planner.post("/sql", {"sql": "SELECT 1 WHERE false"}))
    marked = planner.post("/sql", {"sql": "SELECT '<script>alert(1)</script>' AS a"})
    assert "<script>alert" not in marked.text and "&lt;script&gt;alert(1)" in marked.text


def test_an_error_says_where(planner):
    page = planner.post("/sql", {"sql": "SELECT 1\nFORM territorio.comuni x"})
    assert page.status_code == 200 and "Riga 2, colonna" in text(page) and "<mark>" in page.text
    assert re.search(r"<textarea[^>]*>\nSELECT 1\nFORM territorio.comuni x</textarea>", page.text), "what was written is still there"
    assert "sql.syntax" in page.text
    assert "non" in text(planner.post("/sql", {"sql": "DELETE FROM territorio.comuni"}))


def test_the_plan_is_told_in_words_and_counts_only_what_one_may_see(here, planner, official):
    sql = "SELECT ambito, count(*) AS n FROM assa.strutture GROUP BY ambito ORDER BY n DESC LIMIT 3"
    seen = {}
    for who, browser in (("planner", planner), ("official", official)):
        page = text(browser.post("/sql", {"sql": sql, "azione": "piano"}))
        for part in ("Che cosa fa la query", "Legge assa.strutture", "Raggruppa le righe", "Ordina le righe", "tiene le prime 3 righe"):
            assert part in page, (part, page)
        seen[who] = int(re.search(r"Righe: ([\d.]+)\.", page[page.index("Legge") :]).group(1).replace(".", ""))
        counted = browser.post("/sql/risposta.json", {"sql": "SELECT count(*) AS n FROM assa.strutture"}).json()["rows"][0]["n"]
        assert seen[who] == counted
        told = page[page.index("Che cosa fa la query") : page.index("Domande già scritte")]
        assert OWN not in told, "what one may see is no condition of one's own"
    assert 0 < seen["official"] < seen["planner"]
    assert "Reads assa.strutture" in text(planner.post("/sql?lang=en", {"sql": sql, "azione": "piano"}))


def test_queries_are_saved_shared_and_remembered(here, planner, official):
    saved = planner.post("/sql/salva", {"sql": "SELECT 41", "titolo": "Segreta <b>"})
    own = saved.headers["location"]
    assert re.fullmatch(r"/sql\?q=[\w-]{22}", own)
    assert "SELECT 41" in planner.get(own).text and "Segreta &lt;b&gt;" in planner.get(own).text
    assert official.get(own).status_code == 404
    shared = planner.post("/sql/salva", {"sql": "SELECT count(*) AS n FROM assa.strutture", "titolo": "Di tutti", "condivisa": "1"}).headers["location"]
    theirs = official.get(shared)
    assert "condivisa da pianificatore" in text(theirs) and "SELECT count(*) AS n" in theirs.text
    name = shared.split("=")[1]
    assert official.post("/sql/elimina", {"q": name}).status_code == 404
    assert official.post("/sql/salva", {"q": name, "sql": "SELECT 0", "titolo": "x"}).status_code == 404
    assert planner.post("/sql/salva", {"q": name, "sql": "SELECT 42", "titolo": "Di tutti"}).headers["location"] == shared
    assert official.get(shared).status_code == 404, "no longer shared"
    planner.post("/sql", {"sql": "SELECT 43 AS ricordata"})
    page = html(planner.get("/sql"))
    place = re.search(r'href="(/sql\?storia=[0-9a-f]+)"><code>SELECT 43 AS ricordata', page).group(1)
    assert "SELECT 43 AS ricordata</textarea>" in planner.get(place).text and official.get(place).status_code == 404
    assert planner.post("/sql/dimentica").status_code == 303 and "ricordata" not in planner.get("/sql").text
    assert planner.post("/sql/elimina", {"q": name}).status_code == 303 and planner.get(shared).status_code == 404
    assert planner.post("/sql/salva", {"sql": "SELECT 1", "titolo": " "}).status_code == 400


def test_worked_questions_are_opened_by_their_address(planner):
    page = html(planner.get("/sql"))
    names = re.findall(r'href="/sql\?domanda=([^"]+)"', page)
    assert len(names) >= 20
    opened = html(planner.get(f"/sql?domanda={names[0]}"))
    sql = re.search(r"(?s)<textarea[^>]*>\n(.*?)</textarea>", opened).group(1)
    answer = text(planner.post("/sql", {"sql": sql}))
    assert "SELECT" in sql and ("Il risultato è completo" in answer or "Mostrate le prime 200 righe" in answer), answer
    assert planner.get("/sql?domanda=nessuna").status_code == 404


def test_answers_are_files_too(planner):
    sql = "SELECT codice_istat, comune, DATE '2026-01-02' AS giorno, 1.5 AS n, '=1+1' AS formula FROM territorio.comuni ORDER BY codice_istat"
    table = list(csv.DictReader(io.StringIO(planner.post("/sql/risposta.csv", {"sql": sql}).content.decode())))
    assert len(table) > 300 and table[0]["formula"] == "'=1+1"
    assert len(planner.post("/sql/risposta.json", {"sql": sql}).json()["rows"]) == len(table)
    assert planner.post("/sql/risposta.parquet", {"sql": sql}).content[:4] == b"PAR1"
    answer = planner.post("/sql/risposta.xlsx", {"sql": sql})
    assert answer.headers["content-disposition"] == 'attachment; filename="risposta.xlsx"' and answer.headers["siss-count"] == str(len(table))
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.values)
    assert len(rows) == len(table) + 1 and rows[0] == ("codice_istat", "comune", "giorno", "n", "formula")
    first = rows[1]
    assert (first[0], first[2].date().isoformat(), first[3], first[4]) == (table[0]["codice_istat"], "2026-01-02", 1.5, "=1+1")
    assert openpyxl.load_workbook(io.BytesIO(answer.content)).active["E2"].data_type == "s", "text, not a formula"


def test_the_dictionary_names_what_one_may_see(planner, official):
    def names(browser):
        return {one["name"]: [column["name"] for column in one["columns"]] for one in browser.get("/sql/dizionario.json").json()["datasets"]}

    theirs, own = names(planner), names(official)
    assert "codice_istat" in theirs["territorio.comuni"] and "sistema.deliveries" in own and "sistema.deliveries" not in theirs


# Deliveries


def facilities(here, *codes, **cells):
    return deliveries.facilities({**here.model, **cells}, codes)


def test_an_official_sends_a_wrong_file_and_mends_it(here, official):
    good, bad = f"S{OWN}-91001", f"S{OWN}-91002"
    report = official.send("assa.strutture", OWN, "2026-12", "strutture.csv", facilities(here, good, "XX"))
    assert report.status_code == 200 and re.search(r"/consegne/[0-9a-f]{32}$", report.url)
    page = text(report)
    assert "In parte" in page and "riga 3" in page and "Trovato: XX" in page and "Un valore giusto:" in page
    wrong, cells = errors(report)
    assert len(wrong) == 1 and cells[wrong[0]] == "XX" and wrong[0].startswith("c.3.")
    path = report.url.removeprefix(here.http)
    assert "mend.nothing" in official.post(f"{path}/correggi", cells).text
    mended = official.post(f"{path}/correggi", {**cells, wrong[0]: bad}, allow_redirects=True)
    assert mended.status_code == 200 and "Accettata" in text(mended) and mended.url != report.url
    assert "strutture-corretto.csv" in text(mended)
    counted = official.post("/sql/risposta.json", {"sql": f"SELECT codice_struttura FROM assa.strutture WHERE codice_struttura IN ('{good}', '{bad}') ORDER BY 1"})
    assert [row["codice_struttura"] for row in counted.json()["rows"]] == [good, bad]
    rows = official.post("/sql/risposta.json", {"sql": f"SELECT righe FROM sistema.deliveries WHERE consegna = '{mended.url[-32:]}'"})
    assert rows.json()["rows"] == [{"righe": 1}], "only the refused row went again"
    listed = official.get("/consegne")
    assert mended.url[-32:] in listed.text and report.url[-32:] in listed.text
    again = official.send("assa.strutture", OWN, "2026-12", "strutture.csv", facilities(here, good, "XX"))
    assert again.url == report.url + "?gia=1" and "già stato trasmesso" in text(again)


def test_others_see_nothing_of_a_delivery(here, official):
    report = official.send("assa.strutture", OWN, "2026-12", "a.csv", facilities(here, "YY"))
    path = report.url.removeprefix(here.http)
    stranger, other = Browser(here), Browser(here, f"comune_{OTHER}")
    assert other.get(path).status_code == 404 and other.post(f"{path}/correggi", {"c.2.0": "a"}).status_code == 404
    assert report.url[-32:] not in other.get("/consegne").text and report.url[-32:] in official.get("/consegne").text
    assert stranger.get(path, allow_redirects=False).status_code == 303
    refused = other.send("assa.strutture", OWN, "2026-12", "a.csv", facilities(here, "ZZ"))
    assert refused.status_code == 403 and OWN in text(refused)
    assert Browser(here, "pianificatore").get(path).status_code == 404
    forged = official.send("assa.strutture", OWN, "2026-12", "a.csv", b"a", word="A" * 43)
    assert forged.status_code == 403 and "request.form" in forged.text


def test_where_a_delivery_is_the_whole_truth_the_whole_file_is_mended(here):
    steward = Browser(here, "steward")
    header = "codINT;REGIONE;ENTE;POP;Quota a);Quota b);Contributo spettante\r\n"
    rows = [f"312999000{i};LAZIO;ROMA;1000;1,50;1,00;2,50\r\n" for i in range(4)]
    rows[2] = rows[2].replace(";1000;", ";mille;")
    report = steward.send("riferimenti.solidarieta_alimentare", "lazio", "2020", "aiuti.csv", (header + "".join(rows)).encode())
    # The sender's column has another name than ours: what is wrong stands above the row.
    _, cells = errors(report)
    (place,) = [name for name, value in cells.items() if value == "mille"]
    path = report.url.removeprefix(here.http)
    mended = steward.post(f"{path}/correggi", {**cells, place: "1000"}, allow_redirects=True)
    assert "Accettata" in text(mended) and "Righe 4" in text(mended), text(mended)
    held = steward.post("/sql/risposta.json", {"sql": "SELECT count(*) AS n FROM riferimenti.solidarieta_alimentare WHERE codice_interno LIKE '312999000%'"})
    assert held.json()["rows"][0]["n"] == 4
    # The first is no longer the truth: correcting it would undo the second.
    assert "Una consegna successiva" in text(steward.get(path))
    assert steward.post(f"{path}/correggi", {**cells, place: "7"}).status_code == 409


def test_a_file_refused_whole_says_why(here, official):
    report = official.send("assa.strutture", OWN, "2026-12", "vuote.csv", b"a,b\r\n1,2\r\n")
    assert "Rifiutata" in text(report) and "tutto il file" in text(report) and "è stato rifiutato intero" in text(report)
    for fields in (("assa.che_non_esiste", OWN, "2026-12"), ("assa.strutture", OWN, "dicembre")):
        answer = official.send(*fields, "a.csv", b"a")
        assert answer.status_code in (404, 422) and "siss-" in answer.text, "a page that says what is wrong"


def test_what_is_owed_is_certified_on_the_calendar(here, official):
    page = official.get("/consegne/calendario?stato=valid")
    assert page.status_code == 200
    wished = re.search(r'name="dataset" value="([^"]+)"><input type="hidden" name="periodo" value="([^"]+)"', html(page))
    assert wished, text(page)
    fields = {"dataset": wished[1], "periodo": wished[2]}
    assert official.post("/consegne/firma", fields).status_code == 400, "not without saying that it is final"
    signed = official.post("/consegne/firma", {**fields, "conferma": "1"})
    assert signed.status_code == 303, text(signed)
    number = signed.headers["location"].split("firmata=")[1]
    kept = official.get(f"/api/v1/certifications/{number}", headers={"Accept": "application/json"}).json()["certification"]
    assert (kept["dataset"], kept["periodo_dati"], kept["ente"]) == (fields["dataset"], fields["periodo"], OWN)
    assert "Certificato." in text(official.get(signed.headers["location"]))
    assert "text/calendar" in official.get("/api/v1/obligations.ics").headers["content-type"]
    assert official.get("/consegne/calendario?stato=boh").status_code == 400


# With script, in a real Chromium


@pytest.fixture(scope="module")
def at_desk(chromium, here):
    """at_desk(account, **options): a page of Chromium, signed in by the form."""
    contexts = []

    def one(account, **options):
        contexts.append(chromium.new_context(base_url=here.http, locale="it-IT", reduced_motion="reduce", **options))
        page = contexts[-1].new_page()
        page.goto("/accedi?da=/sql")
        page.get_by_label("Utenza").fill(account)
        page.get_by_label("Password").fill(here.password)
        page.get_by_role("button", name="Accedi").click()
        page.wait_for_url("**/sql")
        return page

    yield one
    for context in contexts:
        context.close()


def test_names_are_completed_and_ctrl_enter_runs(at_desk):
    page = at_desk("pianificatore")
    editor = page.get_by_label("Query", exact=True)
    with page.expect_response("**/sql/dizionario.json*"):
        editor.focus()
    editor.press_sequentially("SELECT count(*) AS n FROM territorio.com")
    page.get_by_role("option").first.wait_for()
    assert editor.get_attribute("aria-activedescendant") == "name-0"
    editor.press("Tab")
    assert editor.input_value() == "SELECT count(*) AS n FROM territorio.comuni"
    editor.press_sequentially(" WHERE prov")
    page.get_by_role("option").first.wait_for()
    assert page.get_by_role("option").first.text_content().startswith("provincia")
    editor.press("Escape")
    assert page.get_by_role("listbox").is_hidden()
    for _ in "WHERE prov":
        editor.press("Backspace")
    editor.press("Control+Enter")
    page.get_by_text("Il risultato è completo. Righe: 1.").wait_for()
    assert page.locator("#esito td").text_content() == "378"


def test_an_official_mends_a_file_on_a_phone_without_script(at_desk, here):
    page = at_desk(f"comune_{OWN}", viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page.goto("/consegne")
    page.get_by_label("Dataset").select_option("assa.strutture")
    page.get_by_label("Periodo").fill("2026-12")
    page.locator("input[type=file]").set_input_files({"name": "strutture.csv", "mimeType": "text/csv", "buffer": facilities(here, f"S{OWN}-92001", "WW")})
    page.get_by_role("button", name="Trasmetti").click()
    page.get_by_role("heading", name="Che cosa non va").wait_for()
    page.locator("[aria-invalid=true]").fill(f"S{OWN}-92002")
    page.get_by_role("button", name="Trasmetti le correzioni").click()
    page.get_by_text("Accettata", exact=True).wait_for()
    page.get_by_role("link", name="comune_").click()
    page.get_by_role("button", name="Esci").click()
    assert page.get_by_role("link", name="Accedi").first.is_visible()

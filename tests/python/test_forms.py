"""Forms and cases: the same rules as in a bulk file, a receipt that is durable, steps by who may take them, rows in the register."""

import base64
import csv
import hashlib
import io
import json
import re
import subprocess
import threading
import time
import uuid

import deliveries
import pytest
import requests
from conftest import binary, environment
from desk import Browser, html, text

COMUNE, DISTRICT = "comune_058091", "distretto_rm_5_1"
OPERATOR, OFFICER, CITIZEN = "gestore_prova", "funzionario_prova", "cittadina_prova"
SOMEBODY = "RSSMRA80A01H501U"


def form_pdf(mark):
    """A small whole PDF, another one for each mark."""
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, 2)
    places = []
    for number, body in enumerate([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Note(" + mark.encode() + b")>>"], 1):
        places.append(out.tell())
        out.write(b"%d 0 obj" % number + body + b"endobj\n")
    start = out.tell()
    out.write(b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Root 1 0 R/Size 4>>\nstartxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


@pytest.fixture(scope="module")
def people(server):
    """Accounts of applicants and of the region's office beside those of the demo."""

    def add(name, role, *facts):
        command = [binary(), "user", "--data", str(server.data), "add", name, "--role", role, *(part for fact in facts for part in ("--fact", fact)), "--password-stdin"]
        done = subprocess.run(command, env=environment(), input=server.password + "\n", capture_output=True, text=True)
        assert done.returncode == 0 or "exists" in done.stderr, done.stderr

    add(OPERATOR, "gestore", "codice_fiscale_gestore=01234567897")
    add("gestore_altro", "gestore", "codice_fiscale_gestore=09876543217")
    add(OFFICER, "funzionario")
    # A citizen's own pseudonym: nobody but the vault knows it, so that one made up is somebody else's.
    add(CITIZEN, "cittadino", "persona=" + "0" * 32)
    return server


@pytest.fixture(scope="module")
def api(people):
    session = requests.Session()

    def api(method, path, account, **more):
        auth = (account, people.password) if account else None
        return session.request(method, people.http + path, auth=auth, timeout=60, **more)

    return api


@pytest.fixture(scope="module")
def rows(api):
    def rows(sql, account="pianificatore"):
        answer = api("POST", "/api/v1/sql", account, json={"sql": sql})
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]

    return rows


@pytest.fixture(scope="module")
def service(rows):
    """An education service of Rome."""
    return rows("SELECT codice_servizio FROM sirse.servizi WHERE codice_istat = '058091' ORDER BY 1 LIMIT 1")[0]["codice_servizio"]


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to be")


def application(service, **more):
    return {"codice_servizio": service, "codice_istat": "058091", "gestore": f"Cooperativa {uuid.uuid4().hex[:8]}", "tipo": "prima"} | more


def send(api, form, account, values, version=None, key=None, **more):
    version = version or api("GET", f"/api/v1/forms/{form.replace('.', '/')}", account).json()["version"]
    headers = {"Idempotency-Key": key} if key else {}
    return api("POST", f"/api/v1/forms/{form.replace('.', '/')}", account, json={"version": version, "values": values} | more, headers=headers)


ACCREDITATION = "sirse.domande_accreditamento"


def test_an_application_is_registered_decided_and_in_the_register(api, rows, service):
    sent = send(api, ACCREDITATION, OPERATOR, application(service))
    assert sent.status_code == 201, sent.text
    receipt = sent.json()
    assert re.fullmatch(r"058091/\d{4}/\d{7}", receipt["protocol"]) and re.fullmatch(r"Q\d{4}-9\d{7}", receipt["code"])
    # Within two seconds it is a row, as a planner reads it.
    began = time.monotonic()
    row = until(lambda: rows(f"SELECT stato, codice_istat FROM sirse.domande_accreditamento WHERE id_domanda = '{receipt['code']}'"))
    assert row == [{"stato": "protocollata", "codice_istat": "058091"}] and time.monotonic() - began < 10
    case = api("GET", f"/api/v1/cases/{receipt['id']}", COMUNE).json()
    assert case["state"] == "protocollata" and [(one["code"], one["to"]) for one in case["moves"]] == [("esamina", "istruttoria"), ("chiedi", "integrazione_richiesta"), ("scrivi", None)]
    move = lambda account, code, seen, **more: api("POST", f"/api/v1/cases/{receipt['id']}/moves", account, json={"code": code, "seen": seen} | more)
    assert move(OPERATOR, "esamina", 1).status_code == 403, "an applicant does not decide"
    assert move(COMUNE, "accogli", 1).status_code == 403, "nothing is accepted before it was examined"
    assert move(COMUNE, "esamina", 1).status_code == 200
    assert move(COMUNE, "esamina", 1).status_code == 200, "the same step again is taken once"
    assert move(COMUNE, "chiedi", 1, reason="Manca la planimetria.").status_code == 409, "who saw an older state looks again"
    assert move(COMUNE, "chiedi", 2).status_code == 400, "a reason is asked"
    assert move(COMUNE, "chiedi", 2, reason="Manca la planimetria.").json()["state"] == "integrazione_richiesta"
    answers = {"version": case["version"], "values": application(service, gestore="Cooperativa Riveduta")}
    again = move(OPERATOR, "integra", 3, answers=answers)
    assert again.status_code == 200 and again.json()["state"] == "istruttoria" and again.json()["revision"] == 2
    # The rule of the dataset speaks to the officer as it would to a file.
    # A message says something, and leaves the case and its term where they are.
    due = api("GET", f"/api/v1/cases/{receipt['id']}", COMUNE).json()["due"]
    assert move(OPERATOR, "scrivi", 4).status_code == 400
    written = move(OPERATOR, "scrivi", 4, reason="Quando decidete?")
    assert written.status_code == 200 and (written.json()["state"], written.json()["due"]) == ("istruttoria", due)
    refused = move(COMUNE, "accogli", 5, values={"data_provvedimento": "2026-12-01"})
    assert refused.status_code == 422 and any("data e numero dell'atto" in one["message"]["it"] for one in refused.json()["findings"])
    decided = {"data_provvedimento": "2099-01-31", "numero_atto": "12/2099", "accreditato_dal": "01/09/2099", "accreditato_al": "2102-08-31"}
    assert move(COMUNE, "accogli", 5, values=decided).json()["state"] == "accolta"
    row = until(lambda: rows(f"SELECT stato, gestore, numero_atto, accreditato_dal FROM sirse.domande_accreditamento WHERE id_domanda = '{receipt['code']}' AND stato = 'accolta'"))
    assert row == [{"stato": "accolta", "gestore": "Cooperativa Riveduta", "numero_atto": "12/2099", "accreditato_dal": "2099-09-01"}]
    history = api("GET", f"/api/v1/cases/{receipt['id']}", OPERATOR).json()["history"]
    assert [one["to"] for one in history] == ["protocollata", "istruttoria", "integrazione_richiesta", "istruttoria", "istruttoria", "accolta"]
    assert (history[2]["reason"], history[4]["reason"]) == ("Manca la planimetria.", "Quando decidete?")
    steps = until(lambda: (found := rows(f"SELECT passo, a_stato, ruolo FROM sistema.pratiche WHERE pratica = '{receipt['id']}' ORDER BY passo")) if len(found := rows(f"SELECT passo FROM sistema.pratiche WHERE pratica = '{receipt['id']}'")) == 6 else None)
    steps = rows(f"SELECT passo, a_stato, ruolo FROM sistema.pratiche WHERE pratica = '{receipt['id']}' ORDER BY passo")
    assert [(one["passo"], one["a_stato"]) for one in steps] == list(enumerate([one["to"] for one in history], 1))


def test_a_form_is_refused_with_the_sentence_of_a_file(api, siss, service, tmp_path, server):
    wrong = application(service, tipo="seconda", codice_istat="58091")
    findings = send(api, ACCREDITATION, OPERATOR, wrong)
    assert findings.status_code == 422
    said = {(one["column"], one["rule"]): one["message"]["it"] for one in findings.json()["findings"]}
    columns = ["id_domanda", "anno", "codice_servizio", "codice_istat", "gestore", "tipo", "data_presentazione", "stato"]
    row = {"id_domanda": "Q2026-00001", "anno": "2026", "data_presentazione": "2026-01-02", "stato": "protocollata"} | wrong
    file = ",".join(columns) + "\n" + ",".join(row[name] for name in columns) + "\n"
    report = api("POST", "/api/v1/deliveries", "steward", params={"dataset": ACCREDITATION, "sender": "lazio", "period": "2026"}, data=file.encode()).json()["report"]
    bulk = {(one["column"], one["rule"]): one["message"]["it"] for one in report["violations"]}
    assert len(said) >= 2 and said.items() <= bulk.items(), (said, bulk)


def test_who_may_fill_in_and_see(api, server, service):
    assert send(api, ACCREDITATION, COMUNE, application(service), version="1.0.0").status_code == 403
    assert send(api, ACCREDITATION, None, application(service), version="1.0.0").status_code == 401
    receipt = send(api, ACCREDITATION, OPERATOR, application(service)).json()
    for account, status in [(OPERATOR, 200), (COMUNE, 200), ("gestore_altro", 404), ("comune_058120", 404), ("pianificatore", 404), ("amministratore", 404), (DISTRICT, 404), (None, 401)]:
        assert api("GET", f"/api/v1/cases/{receipt['id']}", account).status_code == status, account
    for account in ("gestore_altro", "comune_058120"):
        assert receipt["id"] not in api("GET", "/api/v1/cases", account).text
        browser = Browser(server, account)
        for path in ("", "/ricevuta.pdf"):
            assert browser.get(f"/pratiche/{receipt['id']}{path}").status_code == 404
        assert api("POST", f"/api/v1/cases/{receipt['id']}/moves", account, json={"code": "esamina", "seen": 1}).status_code == 404
    assert receipt["id"] in api("GET", "/api/v1/cases", COMUNE, params={"state": "protocollata"}).text
    # The same on the page and in its file, and not where the filter leaves it out.
    browser = Browser(server, COMUNE)
    for query, there in [("", True), ("?stato=protocollata&modulo=sirse.domande_accreditamento", True), ("?stato=respinta", False), ("?modulo=assa.strutture", False), ("?scadute=1", False)]:
        page, file = browser.get(f"/pratiche{query}"), browser.get(f"/pratiche.csv{query}")
        assert page.status_code == file.status_code == 200, query
        assert (receipt["protocol"] in html(page), receipt["protocol"] in file.text) == (there, there), query
    table = list(csv.DictReader(io.StringIO(browser.get("/pratiche.csv").text)))
    assert {"pratica": receipt["id"], "stato": "protocollata", "ente": "058091"}.items() <= next(one for one in table if one["pratica"] == receipt["id"]).items()


def test_each_fills_in_for_its_own(api):
    sheet = {"codice_istat": "058120", "data_accesso": "2026-11-02", "modalita": "sportello", "motivo_accesso": "informazione", "utenza": "famiglia_minori", "fascia_eta": "30-64", "bisogno": "reddito"}
    other = send(api, "sigess.accessi", COMUNE, sheet)
    assert other.status_code == 403 and other.json()["code"] == "form.own"
    contribution = {"codice_istat": "058091", "codice_servizio": "E058091-0001", "anno": "2026", "linea": "rette_utenti", "id_persona": SOMEBODY, "importo_richiesto": "1.234,50"}
    stranger = send(api, "sirse.domande_contributo", CITIZEN, contribution)
    assert stranger.status_code == 403, stranger.text
    assert send(api, "sirse.domande_contributo", CITIZEN, contribution | {"richiedente": "comune"}).status_code == 403


def test_the_same_request_is_one_form_and_twins_are_told(api, service):
    key, values = uuid.uuid4().hex, application(service)
    one, two = send(api, ACCREDITATION, OPERATOR, values, key=key), send(api, ACCREDITATION, OPERATOR, values, key=key)
    assert (one.status_code, two.status_code) == (201, 200) and one.json()["id"] == two.json()["id"] and two.json()["duplicate"]
    assert send(api, ACCREDITATION, OPERATOR, application(service), key=key).status_code == 409
    twin = send(api, ACCREDITATION, OPERATOR, values)
    assert twin.status_code == 409 and twin.json()["code"] == "form.twin" and one.json()["protocol"] in twin.json()["detail_it"]
    meant = send(api, ACCREDITATION, OPERATOR, values, again=True)
    assert meant.status_code == 201 and meant.json()["id"] != one.json()["id"]
    assert send(api, ACCREDITATION, OPERATOR, values, version="0.9.0").json()["code"] == "form.version"


def test_protocol_numbers_have_no_gaps_whatever_comes_at_once(api, people, service):
    """Right, wrong, repeated and twin forms from many clients at a time."""
    before = {one["protocol"] for one in every_case(api, COMUNE)}
    taken, lock = [], threading.Lock()

    def client(n):
        own = requests.Session()
        own.auth = (OPERATOR, people.password)
        for i in range(8):
            values = application(service) if i % 4 else application(service, tipo="mai")
            answer = own.post(f"{people.http}/api/v1/forms/sirse/domande_accreditamento", json={"version": "1.0.0", "values": values}, headers={"Idempotency-Key": f"{n}-{i // 2}-{uuid.uuid4()}"}, timeout=60)
            assert answer.status_code == (201 if i % 4 else 422), answer.text
            if answer.status_code == 201:
                with lock:
                    taken.append(answer.json()["protocol"])

    threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(set(taken)) == len(taken) == 8 * 6
    numbers = sorted(int(one.rsplit("/", 1)[1]) for one in before | set(taken) if one.startswith("058091/"))
    assert numbers == list(range(1, len(numbers) + 1))


def every_case(api, account):
    found, page = [], 0
    while True:
        body = api("GET", "/api/v1/cases", account, params={"page": page}).json()
        found += body["cases"]
        if body["complete"]:
            return found
        page += 1


def test_a_facility_comes_with_its_places_and_is_changed(api, rows, server):
    values = {
        "denominazione": "Casa famiglia La Prova", "codice_istat": "058091", "tipo": "casa_famiglia_minori", "utenza": "famiglia_minori", "posti": "6",
        "data_attivazione": "01/03/2026", "indirizzo": "Via della Prova 1", "indirizzo_riservato": "no", "gestore": "Cooperativa La Prova", "natura_gestore": "terzo_settore",
    }
    part = {"tipo_posto": "ordinario", "utenza": "famiglia_minori", "posti_autorizzati": "6", "posti_accreditati": "0", "data_rilevazione": "2026-11-01"}
    kinds = api("GET", "/api/v1/datasets/assa/posti", COMUNE).json()
    part["tipo_posto"] = next(c for c in kinds["columns"] if c["name"] == "tipo_posto")["example"]
    sent = send(api, "assa.strutture", COMUNE, values, parts={"assa.posti": [part]})
    assert sent.status_code == 201, sent.text
    code, case = sent.json()["code"], sent.json()["id"]
    until(lambda: api("GET", f"/api/v1/cases/{case}", COMUNE).json()["state"] == "accolta")
    assert rows(f"SELECT posti FROM assa.strutture WHERE codice_struttura = '{code}'", COMUNE) == [{"posti": 6}]
    assert rows(f"SELECT posti_autorizzati FROM assa.posti WHERE codice_struttura = '{code}'", COMUNE) == [{"posti_autorizzati": 6}]
    # A part that is wrong is told with its row.
    wrong = send(api, "assa.strutture", COMUNE, values | {"denominazione": "Altra"}, parts={"assa.posti": [part, part | {"posti_accreditati": "9"}]})
    assert wrong.status_code == 422 and [one["part"] for one in wrong.json()["findings"]] == [["assa.posti", 2]]
    # A change: the page shows what changes before it is sent.
    browser = Browser(server, COMUNE)
    page = browser.get(f"/moduli/assa/strutture?chiave={code}")
    fields = form_fields(page)
    assert fields["v.denominazione"] == "Casa famiglia La Prova" and fields["v.data_attivazione"] == "2026-03-01"
    fields["v.denominazione"] = "Casa famiglia Cambiata"
    shown = browser.session.post(server.http + "/moduli/assa/strutture", files=multipart(fields | {"azione": "invia"}), timeout=60)
    assert shown.status_code == 200 and "Casa famiglia La Prova" in shown.text and "Casa famiglia Cambiata" in shown.text and 'value="conferma"' in shown.text
    done = browser.session.post(server.http + "/moduli/assa/strutture", files=multipart(form_fields(shown) | {"azione": "conferma"}), timeout=60)
    assert done.status_code == 200 and "/pratiche/" in done.url, text(done)
    until(lambda: rows(f"SELECT denominazione FROM assa.strutture WHERE codice_struttura = '{code}'", COMUNE) == [{"denominazione": "Casa famiglia Cambiata"}])
    assert len(rows(f"SELECT denominazione FROM assa.strutture_storia WHERE codice_struttura = '{code}'", COMUNE)) == 2
    # Changed back it is what it was: the same answers in another step are another delivery.
    version = api("GET", "/api/v1/forms/assa/strutture", COMUNE).json()["version"]
    change = lambda name: api("POST", "/api/v1/forms/assa/strutture", COMUNE, json={"version": version, "values": values | {"denominazione": name}, "key": code, "again": True})
    back = change("Casa famiglia La Prova")
    assert back.status_code == 201, back.text
    until(lambda: rows(f"SELECT denominazione FROM assa.strutture WHERE codice_struttura = '{code}'", COMUNE) == [{"denominazione": "Casa famiglia La Prova"}])
    # Two changes of one row at once are made one after the other; none is refused for the other's sake.
    both = [change("Casa famiglia Prima"), change("Casa famiglia Seconda")]
    for one in both:
        until(lambda: api("GET", f"/api/v1/cases/{one.json()['id']}", COMUNE).json()["state"] == "accolta")
    assert rows(f"SELECT denominazione FROM assa.strutture WHERE codice_struttura = '{code}'", COMUNE) == [{"denominazione": "Casa famiglia Seconda"}]
    # A row of another municipality is nobody else's to change.
    assert Browser(server, "comune_058120").get(f"/moduli/assa/strutture?chiave={code}").status_code == 404
    assert api("POST", "/api/v1/forms/assa/strutture", "comune_058120", json={"version": "1.1.0", "values": values | {"codice_istat": "058120"}, "key": code}).status_code == 404


def test_what_rules_about_rows_together_refuse_comes_back(api, rows):
    """An act after the end of a facility: the pipeline says so, and the case waits for its sender."""
    facility = rows("SELECT codice_struttura FROM assa.strutture WHERE codice_istat = '058091' ORDER BY 1 LIMIT 1", COMUNE)[0]["codice_struttura"]
    act = {"codice_struttura": facility, "codice_istat": "058091", "tipo": "ripresa", "numero_atto": "9/2026", "data_atto": "2026-11-02", "data_effetto": "2026-11-03", "organo": "comune"}
    document = {"name": "documento", "file": "atto.pdf", "content": base64.b64encode(form_pdf("ripresa")).decode()}
    sent = send(api, "assa.provvedimenti", COMUNE, act, attachments=[document])
    assert sent.status_code == 201, sent.text
    case = until(lambda: (found := api("GET", f"/api/v1/cases/{sent.json()['id']}", COMUNE).json())["state"] == "integrazione_richiesta" and found)
    assert case["history"][-1]["delivery"] and case["history"][-1]["reason"]
    assert rows(f"SELECT 1 FROM assa.provvedimenti WHERE id_provvedimento = '{sent.json()['code']}'", COMUNE) == []
    mended = act | {"tipo": "variazione"}
    again = api("POST", f"/api/v1/cases/{case['id']}/moves", COMUNE, json={"code": "integra", "seen": case["moved"], "answers": {"version": case["version"], "values": mended}})
    assert again.status_code == 200, again.text
    until(lambda: api("GET", f"/api/v1/cases/{case['id']}", COMUNE).json()["state"] == "accolta")
    kept = rows(f"SELECT impronta_documento FROM assa.provvedimenti WHERE id_provvedimento = '{sent.json()['code']}'", COMUNE)
    assert kept == [{"impronta_documento": hashlib.sha256(form_pdf("ripresa")).hexdigest()}]


def test_documents_are_examined_kept_and_only_saved(api, server):
    values = {"ambito": "RM 5.1", "anno": "2026", "tipo": "determinazione", "numero": "7", "data_atto": "2026-11-02", "organo": "", "oggetto": "Prova"}
    organ = next(c for c in api("GET", "/api/v1/datasets/piani_zona/atti", DISTRICT).json()["columns"] if c["name"] == "organo")["example"]
    attach = lambda content, name="atto.pdf": [{"name": "documento", "file": name, "content": base64.b64encode(content).decode()}]
    values["organo"] = organ
    missing = send(api, "piani_zona.atti", DISTRICT, values)
    assert missing.status_code == 422 and missing.json()["findings"][0]["rule"] == "document.required"
    unsigned = send(api, "piani_zona.atti", DISTRICT, values, attachments=attach(form_pdf("atto")))
    assert unsigned.status_code == 422 and unsigned.json()["findings"][0]["rule"] == "document.unsigned"
    active = form_pdf("x").replace(b"/Type/Catalog", b"/Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>")
    hostile = send(api, "piani_zona.atti", DISTRICT, values, attachments=attach(active))
    assert hostile.status_code == 422 and [one["rule"] for one in hostile.json()["findings"]] == ["document.active"], hostile.text
    # A document that need not be signed must still be a PDF without active parts.
    for content, rule in [(active, "document.active"), (b"MZ\x90\x00 a program", "document.kind"), (b"%PDF-1.4 that is none", "document.failed"), (b"<svg/>", "document.kind")]:
        act = {"codice_struttura": "S058091-0001", "codice_istat": "058091"}
        found = send(api, "assa.provvedimenti", COMUNE, act, attachments=attach(content)).json()["findings"]
        assert rule in [one["rule"] for one in found if one["column"] == "documento"], (content[:20], found)
    # Right inside, and a name that would be opened as something else.
    named = send(api, "assa.provvedimenti", COMUNE, {"codice_struttura": "S058091-0001", "codice_istat": "058091"}, attachments=attach(form_pdf("atto"), "atto.exe"))
    assert "document.kind" in [one["rule"] for one in named.json()["findings"] if one["column"] == "documento"]
    unknown = send(api, "piani_zona.atti", DISTRICT, values, attachments=attach(form_pdf("a")) + [{"name": "altro", "file": "b.pdf", "content": ""}])
    assert unknown.status_code == 400 and unknown.json()["code"] == "form.attachment"
    leftovers = [path for path in (server.data / "spool").iterdir() if path.is_file()]
    assert leftovers == [], "no document lies in clear"


def form_fields(page):
    """Names and values of a page's form, as a browser without script sends them."""
    import html.parser

    class Parser(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.fields, self.select, self.area = {}, None, None

        def handle_starttag(self, tag, attributes):
            at = dict(attributes)
            if tag == "input" and at.get("name") and at.get("type") not in ("file", "search", "submit", "checkbox"):
                self.fields[at["name"]] = at.get("value") or ""
            elif tag == "select":
                self.select = at.get("name")
                self.fields.setdefault(self.select, "")
            elif tag == "option" and self.select and "selected" in at:
                self.fields[self.select] = at.get("value", "")
            elif tag == "textarea":
                self.area = at.get("name")
                self.fields[self.area] = ""

        def handle_endtag(self, tag):
            if tag == "select":
                self.select = None
            elif tag == "textarea":
                self.area = None

        def handle_data(self, data):
            if self.area:
                self.fields[self.area] += data

    parser = Parser()
    # The site's own search stands before the form.
    parser.feed(page.text[page.text.index('id="compila"') :])
    return parser.fields


def multipart(fields, **documents):
    return [(name, (None, value)) for name, value in fields.items()] + [(name.replace("__", "."), document) for name, document in documents.items()]


def test_a_form_on_a_page_without_script(server, people, service):
    browser = Browser(server, OPERATOR)
    listed = browser.get("/moduli")
    assert "/moduli/sirse/domande_accreditamento" in html(listed) and "/moduli/assa/strutture" not in html(listed)
    assert browser.get("/moduli/assa/strutture").status_code == 403
    path = "/moduli/sirse/domande_accreditamento"
    fields = form_fields(browser.get(path))
    fields |= {"v.codice_servizio": service, "v.codice_istat": "058091", "v.gestore": "Cooperativa Pagina", "v.tipo": "rinnovo"}
    wrong = browser.session.post(server.http + path, files=multipart(fields | {"azione": "invia"}), timeout=60)
    assert wrong.status_code == 422
    # The summary is first, has the focus, and nothing that was answered is lost: it is a draft already.
    assert re.search(r'id="riepilogo"[^>]*autofocus', wrong.text) and "Un rinnovo, e solo un rinnovo" in html(wrong)
    again = form_fields(wrong)
    assert again["v.gestore"] == "Cooperativa Pagina" and again["bozza"]
    assert "Cooperativa Pagina" in browser.get(f"{path}?bozza={again['bozza']}").text
    assert Browser(server, "gestore_altro").get(f"{path}?bozza={again['bozza']}").status_code == 404
    done = browser.session.post(server.http + path, files=multipart(again | {"v.tipo": "prima", "azione": "invia"}), timeout=60)
    assert done.status_code == 200 and re.search(r"/pratiche/[0-9a-f]{32}\?inviata=1", done.url)
    # Sent twice by a double click or a reload it is one form.
    twice = browser.session.post(server.http + path, files=multipart(again | {"v.tipo": "prima", "azione": "invia"}), timeout=60)
    assert twice.url == done.url
    assert again["bozza"] not in html(browser.get("/moduli")), "what was sent is no draft any more"
    receipt = browser.get(done.url.removeprefix(server.http).split("?")[0] + "/ricevuta.pdf")
    assert receipt.headers["content-type"] == "application/pdf" and receipt.headers["content-disposition"].startswith("attachment")
    assert receipt.content.startswith(b"%PDF-1.7")
    # A form of another session is refused before anything is kept.
    stolen = browser.session.post(server.http + path, files=multipart(again | {"modulo": "x" * 43, "azione": "invia"}), timeout=60)
    assert stolen.status_code == 403
    english = browser.get(path + "?lang=en")
    assert "Kind of application" in english.text and "Save as draft" in english.text


def test_a_register_with_many_rows_is_searched(server, people, rows):
    operator = Browser(server, OPERATOR)
    named = rows("SELECT codice_servizio, denominazione FROM sirse.servizi ORDER BY 1", "pianificatore")
    part = named[len(named) // 2]["denominazione"][1:9]
    where = "/moduli/sirse/domande_accreditamento/valori"

    def found(who, text, field="sirse.domande_accreditamento.codice_servizio", path=where):
        return who.get(path, params={"campo": field, "testo": text}, headers={"Accept": "application/json"})

    expected = {one["codice_servizio"]: one["denominazione"] for one in named if part.lower() in one["denominazione"].lower() or part.lower() in one["codice_servizio"].lower()}
    choices = found(operator, part.upper()).json()["choices"]
    assert len(choices) == len({one["code"] for one in choices}) == min(20, len(expected))
    assert all(expected[one["code"]] == one["label"] for one in choices)
    code = named[0]["codice_servizio"]
    assert {"code": code, "label": named[0]["denominazione"]} in found(operator, code).json()["choices"]
    assert found(operator, "%_nessuno").json()["choices"] == []
    # Only what the form asks, and only for who may fill it in.
    assert found(operator, part, "sirse.domande_accreditamento.id_domanda").status_code == 404
    assert found(operator, part, "sigess.casi.id_caso").status_code == 404
    assert found(operator, part, "assa.posti.codice_struttura", "/moduli/assa/strutture/valori").status_code == 403
    assert "/accedi" in found(Browser(server), part).url, "a stranger is led to the sign-in"


def citizen(server):
    """The fiscal code of the demo's citizen, from the file that the region was made of, and the service they applied for."""
    account = next(one for one in accounts(server) if one["name"] == "cittadino")
    table = deliveries.table(server.data, "sirse.domande_contributo").to_pylist()
    row = min((row for row in table if row["id_persona"] == account["facts"]["persona"]), key=lambda row: row["id_domanda"])
    for path in (server.data / "region").rglob("*"):
        if path.is_file() and path.suffix == ".csv" and "domande_contributo" in str(path):
            for line in csv.reader(path.open(encoding="utf-8-sig"), delimiter=","):
                if row["id_domanda"] in line:
                    codes = [cell for cell in line if re.fullmatch(r"[A-Z]{6}[0-9A-Z]{10}", cell.strip().upper())]
                    if codes:
                        return codes[0].strip().upper(), row
    raise AssertionError("the citizen is in no file of the region")


def accounts(server):
    done = subprocess.run([binary(), "user", "--data", str(server.data), "list"], env=environment(), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_citizen_applies_and_is_nowhere_in_clear(api, server, rows):
    code, before = citizen(server)
    values = {"codice_istat": before["codice_istat"], "codice_servizio": before["codice_servizio"], "anno": "2026", "linea": "rette_utenti", "id_persona": code, "importo_richiesto": "1.234,50"}
    sent = send(api, "sirse.domande_contributo", "cittadino", values)
    assert sent.status_code == 201, sent.text
    there = until(lambda: rows(f"SELECT importo_richiesto, stato FROM sirse.domande_contributo WHERE id_domanda = '{sent.json()['code']}'", "cittadino"))
    assert [float(there[0]["importo_richiesto"]), there[0]["stato"]] == [1234.5, "protocollata"], "who applied sees the row"
    assert api("GET", f"/api/v1/cases/{sent.json()['id']}", OFFICER).json()["answers"]["values"]["id_persona"] == code, "the office sees who it is"
    for folder in ("state", "tables", "landing", "spool", "audit"):
        for path in (server.data / folder).rglob("*"):
            if path.is_file():
                assert code.encode() not in path.read_bytes(), path
    # Who read it is written down.
    until(lambda: {"servizio", OFFICER} <= {one["account"] for one in rows("SELECT account FROM sistema.audit WHERE oggetto = 'pratiche'", "amministratore")})


def test_a_hash_is_what_the_document_says(api, service):
    values = application(service, scadenza_precedente=" ")
    receipt = send(api, ACCREDITATION, OPERATOR, values).json()
    said = {"form": ACCREDITATION, "version": "1.0.0", "values": dict(sorted((name, value) for name, value in values.items() if value.strip())), "parts": {}, "documents": []}
    assert receipt["hash"] == hashlib.sha256(json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()

"""Forms on a server of their own: numbers handed over to a body's protocol system, and a person who is erased."""

import hashlib
import hmac
import http.server
import json
import shutil
import subprocess
import threading
import time
import types

import conftest
import pytest
import requests
from test_forms import accounts, citizen

FORM = "/api/v1/forms/sirse/domande_contributo"


@pytest.fixture
def protocol():
    """A protocol system that is down for the first request. `.came`: what it was sent, `.wrong`: what was not signed as it should be."""
    seen = types.SimpleNamespace(came=[], wrong=[], secret=b"un segreto di trentadue byte o piu")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            at, mac = (part.split("=", 1)[1] for part in self.headers["x-siss-signature"].split(","))
            right = hmac.new(seen.secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
            if mac != right or abs(time.time() - int(at)) > 60:
                seen.wrong.append(body)
            seen.came.append((self.headers["idempotency-key"], json.loads(body)))
            self.send_response(503 if len(seen.came) == 1 else 204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield seen
    server.shutdown()


def test_numbers_are_handed_over_and_an_erased_person_is_gone(lake, tmp_path, protocol, siss):
    data, secret = tmp_path / "data", tmp_path / "secret"
    shutil.copytree(lake, data)
    secret.write_bytes(protocol.secret + b"\n")
    code, before = citizen(types.SimpleNamespace(data=data))
    persona = next(one for one in accounts(types.SimpleNamespace(data=data)) if one["name"] == "cittadino")["facts"]["persona"]
    values = {"codice_istat": before["codice_istat"], "codice_servizio": before["codice_servizio"], "anno": "2026", "linea": "rette_utenti", "id_persona": code, "importo_richiesto": "100"}
    with conftest.serving(data, "--protocol-url", protocol.url, "--protocol-secret", secret) as here:
        auth = ("cittadino", here.password)
        version = requests.get(here.http + FORM, auth=auth, timeout=30).json()["version"]
        sent = requests.post(here.http + FORM, auth=auth, json={"version": version, "values": values}, timeout=30).json()
        deadline = time.monotonic() + 40
        while len(protocol.came) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(3)
        assert [case for case, _ in protocol.came] == [sent["id"]] * 2 and not protocol.wrong, "what was refused is sent again, what was taken is not"
        told = protocol.came[0][1]
        assert (told["protocollo"], told["impronta"], told["modulo"]) == (sent["protocol"], sent["hash"], "sirse.domande_contributo")
        assert code not in json.dumps(told)
        assert requests.get(f"{here.http}/api/v1/cases/{sent['id']}", auth=("funzionario", here.password), timeout=30).json()["answers"]["values"]["id_persona"] == code
    done = siss("erase", "--data", data, "--fiscal-code-stdin", "--reason", "richiesta di prova", input=code + "\n")
    assert done.returncode == 0, done.stderr
    with conftest.serving(data) as here:
        gone = requests.get(f"{here.http}/api/v1/cases/{sent['id']}", auth=("funzionario", here.password), timeout=30)
        assert gone.status_code == 404 and gone.json()["code"] == "case.erased"
        listed = requests.get(f"{here.http}/api/v1/cases", auth=("funzionario", here.password), timeout=30).json()["cases"]
        assert sent["protocol"] in [one["protocol"] for one in listed], "that it was, and what became of it, stays"
    state = b"".join(path.read_bytes() for path in (data / "state").rglob("*") if path.is_file())
    assert persona.encode() not in state, "not even the pseudonym stays"

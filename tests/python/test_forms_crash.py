"""`kill -9` while forms come in: every acknowledged form is there once, with its own number, and its row is in the lake once."""

import collections
import itertools
import random
import shutil
import subprocess
import threading
import time

import conftest
import deliveries
import pytest
import requests

pytestmark = pytest.mark.alone
CRASHES, CLIENTS = 5, 4
FORM = "/api/v1/forms/sirse/domande_accreditamento"


def test_what_was_acknowledged_is_there_once(lake, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(lake, data)
    command = [conftest.binary(), "user", "--data", str(data), "add", "gestore_urti", "--role", "gestore", "--fact", "codice_fiscale_gestore=01234567806", "--password-stdin"]
    done = subprocess.run(command, env=conftest.environment(), input=conftest.PASSWORD + "\n", text=True, capture_output=True)
    assert done.returncode == 0 or "exists" in done.stderr, done.stderr
    service = next(row["codice_servizio"] for row in deliveries.table(data, "sirse.servizi").to_pylist() if row["codice_istat"] == "058091")
    token = conftest.serving(data).token("gestore_urti")
    numbers, acknowledged, sent = itertools.count(1), {}, set()

    def send(http, session, number):
        """The same form under the same name, before and after a crash."""
        sent.add(number)
        values = {"codice_servizio": service, "codice_istat": "058091", "gestore": f"Gestore {number}", "tipo": "prima"}
        answer = session.post(http + FORM, json={"version": "1.0.0", "values": values}, headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"giro-{number}"}, timeout=30)
        assert answer.status_code in (200, 201), answer.text
        known = acknowledged.setdefault(number, answer.json()["id"])
        assert known == answer.json()["id"], "sent again it is another form"

    rng = random.Random(5)
    for _ in range(CRASHES):
        server = conftest.serving(data)
        here = server.__enter__()
        stop = threading.Event()

        def work():
            session = requests.Session()
            while not stop.is_set():
                # Now and then one that was sent before, acknowledged or not.
                number = rng.choice(sorted(sent)) if sent and rng.random() < 0.2 else next(numbers)
                try:
                    send(here.http, session, number)
                except requests.RequestException:
                    return

        threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
        [thread.start() for thread in threads]
        time.sleep(rng.uniform(0.3, 2.5))
        server.process.kill()
        stop.set()
        server.process.wait()
        [thread.join() for thread in threads]
        server.process.stdout.close()
        server.log.close()
    with conftest.serving(data) as here:
        session = requests.Session()
        # Who got no answer sends again: nothing is doubled by it.
        for number in sorted(sent - set(acknowledged)):
            send(here.http, session, number)
        cases, page = [], 0
        while True:
            body = session.get(f"{here.http}/api/v1/cases", params={"page": page}, headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
            cases += body["cases"]
            page += 1
            if body["complete"]:
                break
        assert collections.Counter(one["id"] for one in cases) == collections.Counter(acknowledged.values())
        numbers = sorted(int(one["protocol"].rsplit("/", 1)[1]) for one in cases)
        assert numbers == list(range(numbers[0], numbers[0] + len(cases))), "a number is missing or doubled"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            steps = [row for row in deliveries.table(data, "sistema.pratiche").to_pylist() if row["pratica"] in set(acknowledged.values())]
            # Steps are told of cases whose rows are written half a second later.
            rows = [row for row in deliveries.table(data, "sirse.domande_accreditamento").to_pylist() if row["gestore"] and row["gestore"].startswith("Gestore ")]
            if len(steps) >= len(cases) and len(rows) >= len(cases):
                break
            time.sleep(0.5)
    assert collections.Counter(row["id_domanda"] for row in rows if row["registrato_al"] is None) == collections.Counter(one["code"] for one in cases)
    assert len(rows) == len(cases), "a row was written twice"
    assert collections.Counter(row["pratica"] for row in steps) == collections.Counter(acknowledged.values()), "a step is there twice"
    assert len(cases) > CRASHES * CLIENTS

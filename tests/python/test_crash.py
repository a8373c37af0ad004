"""`kill -9` at random moments: what was acknowledged is there exactly once, nothing is there by half."""

import collections
import itertools
import random
import shutil
import threading
import time

import pytest
import requests

import conftest
import deliveries

ROWS = 40
NUMBER = itertools.count(1)


def deliver(http, auth, body, acknowledged, sent, number):
    sent[number] = time.monotonic()
    try:
        answer = requests.post(
            f"{http}/api/v1/deliveries",
            params={"dataset": "assa.strutture", "sender": "058091", "period": "2026-10"},
            data=body,
            headers={"Content-Type": "text/csv", "Idempotency-Key": f"giro-{number}"},
            auth=auth,
            timeout=30,
        )
    except requests.RequestException:
        return
    if answer.ok:
        acknowledged[number] = answer.json()["id"]
        return time.monotonic() - sent[number]


def rounds(lake, folder, count, seed):
    rng = random.Random(seed)
    data = folder / "data"
    shutil.copytree(lake, data)
    row = deliveries.model(data)
    auth = ("comune_058091", conftest.PASSWORD)
    acknowledged, sent = {}, {}
    # Crashes fall around the time that one acknowledgement takes, which depends on how busy the machine is.
    longest = 0.5
    for _ in range(count):
        server = conftest.serving(data)
        here = server.__enter__()
        stop, waits = threading.Event(), []

        def work():
            while not stop.is_set():
                number = next(NUMBER)
                body = deliveries.facilities(row, [f"S058091-9{number:05}{k:02}" for k in range(ROWS)])
                waits.append(deliver(here.http, auth, body, acknowledged, sent, number))

        threads = [threading.Thread(target=work) for _ in range(2)]
        [t.start() for t in threads]
        time.sleep(rng.uniform(0.02, 1.4 * longest))
        server.process.kill()
        stop.set()
        server.process.wait()
        [t.join() for t in threads]
        longest = max((w for w in waits if w), default=min(2 * longest, 20))
        server.process.stdout.close()
        server.log.close()
    with conftest.serving(data) as here:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            states = [requests.get(f"{here.http}/api/v1/deliveries/{id}", auth=auth, timeout=30) for id in acknowledged.values()]
            if all(s.ok and "outcome" in s.json() for s in states):
                break
            time.sleep(0.5)
    return data, acknowledged, sent


def judge(data, acknowledged, sent):
    rows = [r for r in deliveries.table(data, "assa.strutture").to_pylist() if r["codice_struttura"].startswith("S058091-9") and len(r["codice_struttura"]) > 14]
    by_delivery = collections.Counter(r["id_consegna"] for r in rows)
    assert set(by_delivery.values()) <= {ROWS}, f"half a delivery is visible: {by_delivery.most_common()[-3:]}"
    keys = collections.Counter(r["codice_struttura"] for r in rows if r["registrato_al"] is None)
    assert not [k for k, n in keys.items() if n > 1], "a row is there twice"
    lost = [n for n, id in acknowledged.items() if id not in by_delivery]
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged deliveries lost"
    recorded = collections.Counter(r["consegna"] for r in deliveries.table(data, "sistema.deliveries").to_pylist())
    assert all(recorded[id] == 1 for id in acknowledged.values()), [recorded[id] for id in acknowledged.values() if recorded[id] != 1][:5]
    assert len(sent) > len(acknowledged) > 0, "no crash fell between sending and acknowledging"


def test_fifty_crashes_lose_and_double_nothing(lake, tmp_path):
    judge(*rounds(lake, tmp_path, 50, 1))


@pytest.mark.accept
def test_a_thousand_crashes_lose_and_double_nothing(lake, tmp_path):
    judge(*rounds(lake, tmp_path, 1000, 2))

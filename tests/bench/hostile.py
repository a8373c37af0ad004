"""What others wait while one account asks hostile questions without pause: p99 of a small question, alone and beside them."""

import sys
import threading
import time

import program
from line import Line

sys.path.insert(0, str(program.ROOT / "tests/python"))

OTHER, HOSTILE = "comune_058120", "pianificatore"


def measure(at):
    import test_hostile as hostile

    seconds = 10 if at.quick else 30
    texts = [sql for sql, codes in hostile.HOSTILE.values() if "limit.time" in codes or "limit.memory" in codes] + [hostile.RUNNING]
    with program.Server(at.fresh("hostile"), "--query-time", hostile.SECONDS, "--query-memory", 256) as server:
        ask(server, OTHER, hostile.SMALL)
        alone = [ask(server, OTHER, hostile.SMALL) for _ in while_(seconds)]
        stop = threading.Event()
        attack = threading.Thread(target=lambda: [ask(server, HOSTILE, text, False) for text in iter(forever(texts, stop).__next__, None)])
        attack.start()
        time.sleep(1)
        beside = [ask(server, OTHER, hostile.SMALL) for _ in while_(seconds)]
        stop.set()
        attack.join()
    before, after = p99(alone), p99(beside)
    label = f"p99 of a small question by REST ({len(alone):,} alone, {len(beside):,} beside hostile ones)"
    return [Line(f"{label}, alone", before, "s"), Line(f"{label}, beside", after / before, "×", target=2.0, note=f"{after:.3f} s")]


def ask(server, account, sql, well=True):
    """Seconds of one question, each by a connection of its own."""
    import requests

    began = time.perf_counter()
    answer = requests.post(f"{server.at['http']}/api/v1/sql", json={"sql": sql}, auth=(account, program.PASSWORD), timeout=120)
    assert not well or answer.status_code == 200, answer.text
    return time.perf_counter() - began


def while_(seconds):
    """Turns, twenty a second at most, until the time is over."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        yield
        time.sleep(0.05)


def forever(texts, stop):
    while not stop.is_set():
        for text in texts:
            yield None if stop.is_set() else text
    yield None


def p99(values):
    return sorted(values)[int(len(values) * 0.99)]

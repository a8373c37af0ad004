"""Pages of national flows as INPS reads them: one after the other through the whole outbox, then from moments at random."""

import datetime
import random
import shutil
import subprocess
import time

import program
from line import Line

PAGE, ASKED = 100, 1000


def measure(at):
    import requests

    lake = at.copy(flows(at), "waas")
    try:
        with program.Server(lake) as server:
            command = [program.BINARY, "token", "--data", str(lake), "--account", "inps"]
            token = subprocess.run(command, env=program.environment(), check=True, capture_output=True, text=True).stdout.strip()
            ask = requests.Session()
            ask.headers["Authorization"] = f"Bearer {token}"

            def page(since):
                began = time.perf_counter()
                answer = ask.get(f"{server.at['http']}/waas/v1/flussi", params={"since": since, "limit": PAGE}, timeout=60)
                body = answer.content
                seconds = time.perf_counter() - began
                assert answer.status_code == 200, body[:300]
                return seconds, answer.json()["elenco_flussi"], len(body)

            moments, times, size, since = [], [], 0, 0
            while True:
                seconds, found, bytes_ = page(since)
                if not found:
                    break
                assert all(flow["ts_flusso"] <= later["ts_flusso"] for flow, later in zip(found, found[1:]))
                times.append(seconds)
                size = max(size, bytes_)
                since = millis(found[-1]["ts_flusso"])
                moments.append(since)
            rng, full = random.Random(7), moments[: max(1, len(moments) - 2)]
            while len(times) < ASKED:
                seconds, found, _ = page(rng.choice([0, *full]))
                times.append(seconds)
    finally:
        shutil.rmtree(lake)
    times.sort()
    rank = lambda share: 1000 * times[min(len(times) - 1, int(share * len(times)))]
    note = f"{len(times):,} pages, outbox of about {PAGE * len(moments):,} flows, up to {size / 2**20:.1f} MiB; median {rank(0.5):.1f} ms, worst {1000 * times[-1]:.0f} ms"
    return [Line(f"WaaS: a page of {PAGE} flows, 99th percentile", rank(0.99), "ms", target=50, note=note)]


def flows(at):
    """The region with its outbox built."""
    region = at.region(at.flows)

    def make(path):
        shutil.copytree(at.copy(region, "flows"), path)
        shutil.rmtree(at.root / "flows")
        program.run("siuss", "--data", path)

    return at.once(f"{region.name}-flows", make)


def millis(moment):
    """`since` as the document has it: milliseconds since 1970."""
    return round(datetime.datetime.fromisoformat(moment).timestamp() * 1000)

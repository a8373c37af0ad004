"""Everything of a large table as CSV over REST: rate, first byte, memory of the server and of its workers."""

import time

import program
from line import Line

ACCOUNT = "pianificatore"


def measure(at):
    import duckdb
    import requests

    lake = at.facilities()
    auth = (ACCOUNT, program.PASSWORD)
    # Not compressed: line ends are counted in what arrives, and DuckDB compresses nothing either.
    accept = {"Accept": "text/csv", "Accept-Encoding": "identity"}
    ways = {
        "rows.csv": lambda base: requests.get(f"{base}/datasets/assa/strutture/rows.csv", headers=accept, auth=auth, stream=True, timeout=300),
        "a query": lambda base: requests.post(f"{base}/sql", json={"sql": "SELECT * FROM assa.strutture"}, headers=accept, auth=auth, stream=True, timeout=300),
    }
    lines = []
    for name, ask in ways.items():
        with program.Server(lake) as server:
            base = f"{server.at['http']}/api/v1"
            requests.post(f"{base}/sql", json={"sql": "SELECT 1 AS uno"}, headers=accept, auth=auth, timeout=60).raise_for_status()
            with program.Memory(server.process.pid) as memory:
                first, seconds, rows = drain(lambda: ask(base))
        other, expected = duckdb_copy(duckdb, lake, at.root / "export.csv")
        if rows != expected:
            raise RuntimeError(f"{name} answered {rows} rows, DuckDB {expected}")
        label = f"export of {rows / 1e6:.3g}M rows as CSV by {name}"
        lines += [
            Line(label, rows / seconds, "rows/s", rows / other, more=True, note="DuckDB: COPY TO of the same files"),
            Line(f"{label}, first byte", first, "s", target=0.3),
            Line(f"{label}, memory of the server", memory.own, "MiB", target=300),
            Line(f"{label}, memory of the largest worker", memory.largest_child, "MiB", target=300),
            Line(f"{label}, memory of all processes", memory.together, "MiB", target=300, note="shared pages once"),
        ]
    return lines


def drain(ask):
    """Seconds to the first byte of the body and to its end, and rows."""
    start = time.perf_counter()
    with ask() as answer:
        answer.raise_for_status()
        first, rows = None, -1
        for chunk in answer.raw.stream(1 << 20):
            first = first or time.perf_counter() - start
            rows += chunk.count(b"\n")
    return first, time.perf_counter() - start, rows


def duckdb_copy(duckdb, lake, out):
    """Seconds and rows."""
    import oracle

    db = oracle.connect(lake, ACCOUNT, "VIEW")
    start = time.perf_counter()
    rows = db.execute(f"COPY assa.strutture TO '{out}' (HEADER)").fetchone()[0]
    seconds = time.perf_counter() - start
    out.unlink()
    return seconds, rows

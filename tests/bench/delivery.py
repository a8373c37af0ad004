"""What a delivery costs: rows per second with all checks and a durable commit, and memory at two sizes."""

import json
import pathlib
import shutil
import subprocess
import sys

import place
import rows
from line import Line


def measure(at):
    small, large = at.small, at.large
    label = f"{small // 1000:,}k rows"
    results, own = [], None
    for _ in range(3):
        lake = at.fresh("deliver")
        own = place.deliver(lake, at.csv(small), "assa.strutture", rows.SENDER, rows.PERIOD)
        results.append(own[:2])
    seconds, peak = sorted(results)[1]
    again, _, _ = place.deliver(lake, changed(at, small), "assa.strutture", rows.SENDER, rows.PERIOD)
    other = sorted((duckdb(at, small) for _ in range(3)), key=lambda d: d["seconds"])[1]
    agree(own[2], other)
    lake = at.fresh("deliver")
    large_seconds, large_peak, report = place.deliver(lake, at.csv(large), "assa.strutture", rows.SENDER, rows.PERIOD)
    large_other = duckdb(at, large)
    agree(report, large_other)
    shutil.rmtree(lake)
    return [
        Line(f"delivery, {label}, 12 columns, all checks, durable", small / seconds, "rows/s", small / other["seconds"], 1.0, True),
        Line("delivery, ten times as many rows", large / large_seconds, "rows/s", large / large_other["seconds"], 1.0, True),
        Line(f"delivery, {label} again, one in ten changed", small / again, "rows/s", note="as versions: closes what changed"),
        Line(f"delivery, {label}, peak memory", peak, "MiB", target=600, note=f"DuckDB {other['peak']:,.0f} MiB"),
        Line("delivery, ten times as many rows, peak memory", large_peak, "MiB", target=600, note=f"DuckDB {large_other['peak']:,.0f} MiB"),
        Line("delivery, memory of ten times as many rows over once", large_peak / peak, "×", target=1.25),
    ]


def changed(at, count):
    """The same facilities a month later: one in ten has other places."""
    import duckdb

    def make(path):
        numbered = f"SELECT *, row_number() OVER () AS row FROM read_csv('{at.csv(count)}', all_varchar = true)"
        places = "CASE WHEN row % 10 = 0 THEN CAST(11 + row % 50 AS VARCHAR) ELSE posti END"
        duckdb.execute(f"COPY (SELECT * EXCLUDE (row) REPLACE ({places} AS posti) FROM ({numbered})) TO '{path}' (HEADER)")

    return at.once(f"strutture-{count}-changed.csv", make)


def duckdb(at, count):
    """The other side, in a process of its own: seconds, peak MiB, rows kept and refused."""
    script = pathlib.Path(__file__).with_name("delivery_duckdb.py")
    done = subprocess.run([sys.executable, script, at.csv(count), at.base(), at.root / "deliver.parquet"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def agree(report, other):
    """Both keep and refuse the same rows, or the comparison means nothing."""
    mine = (report["accepted"], report["refused"])
    assert mine == (other["kept"], other["refused"]), f"SISS {mine}, DuckDB {other}"

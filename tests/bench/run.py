"""Times SISS and DuckDB (or, for the portal, Datasette and ROAPI) side by side: one table on standard output, one JSON file in the bench's folder.

Everything runs with all cores. Data is made once and kept in --dir, the region of the indicators being the longest to make; a whole run takes
minutes after that."""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time

import delivery
import export
import forms
import hostile
import leps
import line
import place
import portal
import program
import start
import waas
import worked

MEASURES = {
    "delivery": delivery.measure,
    "questions": worked.measure,
    "export": export.measure,
    "forms": forms.measure,
    "hostile": hostile.measure,
    "leps": leps.measure,
    "waas": waas.measure,
    "portal": portal.measure,
    "start": start.measure,
    "demo": start.demo,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", help="folder for data made once [default: $BENCH_DIR, else ~/.cache/siss/bench]")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows or less; figures say little")
    parser.add_argument("--scale", type=float, help="size of the region of the indicators [default: 1, which is Lazio; --quick 0.05]")
    parser.add_argument("--only", action="append", choices=MEASURES, help="only this measure; may be repeated")
    options = parser.parse_args()
    program.build()
    at = place.Place(options.dir, options.quick, options.scale)
    at.prepare()
    lines = []
    for name in options.only or MEASURES:
        began = time.perf_counter()
        found = MEASURES[name](at)
        lines += found
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    text = line.table(lines)
    print(f"{machine()}\n\n{text}")
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    (at.root / "bench.json").write_text(json.dumps({"when": when, "machine": machine(), "lines": [one.json() for one in lines]}, indent=1))
    losses = [one.what.strip() for one in lines if one.ok is False]
    print(f"\n{len(losses)} of {sum(one.ok is not None for one in lines)} targets missed" + "".join(f"\n  {what}" for what in losses))


def machine():
    import duckdb

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = subprocess.run([program.BINARY, "--version"], capture_output=True, text=True).stdout.strip()
    return f"{version}, DuckDB {duckdb.__version__}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


main()

"""A filtered page of 100 rows out of 200,000 as the public asks for it, beside Datasette and ROAPI on the same rows; and what is asked again and again."""

import contextlib
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

import program
from line import Line

ROWS, PAGE, CONNECTIONS = 200_000, 100, 32
# The page that follows a row of one type of facility: an ordinary step through a filtered list, from a place that is another each time.
KIND = "mensa_sociale"
SISS = "/api/v1/datasets/assa/strutture/rows.json?tipo={kind}&codice_struttura__gt={after}&limit={page}&sort=codice_struttura"
DATASETTE = "/portal/strutture.json?tipo__exact={kind}&codice_struttura__gt={after}&_size={page}&_sort=codice_struttura&_nocount=1&_nofacet=1&_nosuggest=1&_shape=objects"
# The same of a table as it was loaded, without an index on what is filtered, and with the count of all rows that Datasette gives unless told not to.
DATASETTE_PLAIN = "/plain/strutture.json?tipo={kind}&codice_struttura__gt={after}&_size={page}&_nofacet=1&_nosuggest=1&_shape=objects"
ROAPI = "/api/tables/strutture?filter[tipo]='{kind}'&filter[codice_struttura]gt='{after}'&limit={page}&sort=codice_struttura"
OFTEN = ["/api/v1/leps", "/api/v1/leps/assistenti_sociali?livello=ambito"]


def measure(at):
    if not shutil.which("wrk"):
        raise RuntimeError("wrk is missing: scripts/setup.sh bench installs it")
    seconds = 3 if at.quick else 10
    tools = at.once("portals", tools_of)
    files = at.once("portal-files", lambda folder: rows_of(at, folder))
    lake = at.copy(at.once("portal-lake", lambda path: lake_of(at, path)), "portal")
    lines = []
    try:
        with contextlib.ExitStack() as stack:
            at_datasette = stack.enter_context(running([tools / "bin/python", "-m", "datasette", "serve", files / "portal.db", files / "plain.db", "--port", "{port}", "--setting", "max_returned_rows", "1000"], "/-/versions.json"))
            at_roapi = stack.enter_context(running([tools / "bin/roapi", "--table", f"strutture={files / 'strutture.parquet'}", "--addr-http", "127.0.0.1:{port}"], "/health"))
            server = stack.enter_context(program.Server(lake))
            http = server.at["http"]
            assert pages(http + SISS) == pages(at_datasette + DATASETTE) == pages(at_datasette + DATASETTE_PLAIN) == pages(at_roapi + ROAPI), "the three do not answer the same rows"
            differ = {name: load(base, path, seconds, at.root) for name, base, path in (("datasette", at_datasette, DATASETTE), ("plain", at_datasette, DATASETTE_PLAIN), ("roapi", at_roapi, ROAPI), ("siss", http, SISS))}
            same = {name: load(base, filled(path, 100_000), seconds, at.root) for name, base, path in (("datasette", at_datasette, DATASETTE), ("roapi", at_roapi, ROAPI), ("siss", http, SISS))}
            tag = urllib.request.urlopen(http + filled(SISS, 100_000)).headers["etag"]
            unchanged = load(http, filled(SISS, 100_000), seconds, at.root, tag)
            what = f"portal: a page of {PAGE} of {ROWS:,} rows, every request another"
            lines += [
                Line(what, differ["siss"].rate, "req/s", differ["datasette"].rate, target=50, more=True, note=f"beside Datasette with an index on the filter, without counts and facets; p99 {differ['siss'].p99:.1f} ms, Datasette {differ['datasette'].p99:.0f} ms"),
                Line(what, differ["siss"].rate, "req/s", differ["plain"].rate, target=50, more=True, note=f"beside Datasette without an index, with its count; its p99 {differ['plain'].p99:.0f} ms"),
                Line(what, differ["siss"].rate, "req/s", differ["roapi"].rate, target=2, more=True, note=f"beside ROAPI; its p99 {differ['roapi'].p99:.1f} ms"),
                Line("portal: the same page again", same["siss"].rate, "req/s", same["roapi"].rate, target=10, more=True, note=f"beside ROAPI; Datasette {same['datasette'].rate:.0f} req/s"),
                Line("portal: the same page again, 99th percentile", same["siss"].p99, "ms", target=10),
                Line("portal: the same page, unchanged (304)", unchanged.rate, "req/s", target=same["siss"].rate, more=True, note=f"p99 {unchanged.p99:.1f} ms"),
            ]
            for path in OFTEN:
                found = load(http, path, seconds, at.root)
                lines.append(Line(f"portal: {path}", found.rate, "req/s", note=f"p99 {found.p99:.1f} ms"))
                lines.append(Line(f"portal: {path}, 99th percentile", found.p99, "ms", target=10))
    finally:
        shutil.rmtree(lake)
    return lines


def tools_of(folder):
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", pathlib.Path(__file__).with_name("requirements.txt")], check=True)


def lake_of(at, path):
    shutil.copytree(at.base(), path)
    program.run("deliver", at.csv(ROWS), "--dataset", "assa.strutture", "--sender", "058091", "--period", "2026-10", "--data", path, ok=(0, 3))
    program.run("derive", "--data", path)


def rows_of(at, folder):
    """What a stranger sees, as SISS itself writes it, for the other two: Parquet for ROAPI, SQLite for Datasette, once with an index and once without."""
    import duckdb

    folder.mkdir(parents=True)
    lake = at.copy(at.once("portal-lake", lambda path: lake_of(at, path)), "portal-export")
    try:
        with program.Server(lake) as server:
            urllib.request.urlretrieve(server.at["http"] + "/api/v1/datasets/assa/strutture/rows.parquet", folder / "strutture.parquet")
    finally:
        shutil.rmtree(lake)
    table = duckdb.read_parquet(str(folder / "strutture.parquet"))
    text = [f"CAST({name} AS VARCHAR) AS {name}" if str(kind) not in ("BIGINT", "DOUBLE", "BOOLEAN", "INTEGER") else name for name, kind in zip(table.columns, table.types)]
    rows = table.select(", ".join(text)).fetchall()
    for database, index in (("portal", "CREATE INDEX by_kind ON strutture (tipo, codice_struttura)"), ("plain", None)):
        with contextlib.closing(sqlite3.connect(folder / f"{database}.db")) as db:
            db.execute(f"CREATE TABLE strutture ({', '.join(f'{name} PRIMARY KEY' if name == 'codice_struttura' else name for name in table.columns)})")
            db.executemany(f"INSERT INTO strutture VALUES ({', '.join('?' * len(table.columns))})", rows)
            if index:
                db.execute(index)
            db.execute("ANALYZE")
            db.commit()


@contextlib.contextmanager
def running(command, health):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([str(part).format(port=port) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                urllib.request.urlopen(base + health, timeout=5).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{command[0]} did not start") from None
        yield base
    finally:
        process.terminate()
        process.wait(30)


def filled(path, after):
    return path.format(kind=KIND, after=f"S058091-{after:08d}", page=PAGE).replace("'", "%27")


def pages(url):
    """Keys of a page: the three must answer the same."""
    import json

    found = json.loads(urllib.request.urlopen(filled(url, 100_000)).read())
    return [row["codice_struttura"] for row in (found["rows"] if isinstance(found, dict) else found)]


class Load:
    def __init__(self, rate, p99):
        self.rate, self.p99 = rate, p99


UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def load(base, path, seconds, folder, tag=None):
    """Requests a second at 32 connections, and the 99th percentile in milliseconds. A path with `{after}` is another each time."""
    script = folder / "wrk.lua"
    head = f"wrk.headers['If-None-Match'] = '{tag}'\n" if tag else ""
    if "{after}" in path:
        asked = path.format(kind=KIND, after="S058091-%08d", page=PAGE).replace("'", "%27").replace("%27", "%%27")
        head += f'local n = 0\nfunction init() math.randomseed(tonumber(tostring({{}}):sub(8), 16) % 2147483647) end\nfunction request() return wrk.format("GET", string.format("{asked}", math.random(1, {ROWS - 10_000}))) end\n'
    script.write_text(head)
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, base + ("/" if "{after}" in path else path)]
    out = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    if bad := re.search(r"Non-2xx or 3xx responses: (\d+)", out):
        raise RuntimeError(f"{base}{path}: {bad.group(1)} answers were errors")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", out).groups()
    return Load(rate, float(value) * UNITS[unit])

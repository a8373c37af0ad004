"""The 24 indicators from scratch beside DuckDB with the same queries on the same Parquet files, and how soon one comune's delivery shows on
every door."""

import csv
import datetime
import io
import json
import shutil
import statistics
import sys
import time
import tomllib

import program
from line import Line, timed

sys.path.insert(0, str(program.ROOT / "tests/python"))

DATASETS = program.ROOT / "datasets"
PLANNER, COMUNE, CODE = "pianificatore", "comune_058091", "058091"
INCREMENTS = 5
SYSTEM = ("id_consegna", "riga_consegna", "mittente", "periodo", "registrato_dal", "registrato_al", "ambito")


def measure(at):
    region = at.region(at.scale)
    return from_scratch(at, region) + increments(at, region)


def from_scratch(at, region):
    """`siss derive` on a lake without indicators, beside the queries alone in DuckDB."""
    lake = at.copy(region, "leps")
    shutil.rmtree(lake / "tables/leps")
    seconds, memory, output = program.run("derive", "--data", lake)
    done = {one["dataset"]: one["seconds"] for one in map(json.loads, output.splitlines()) if one["dataset"].startswith("leps.")}
    definitions = indicators()
    assert set(done) == set(definitions), sorted(set(definitions) - set(done))
    other = {}
    db, other["years and residents"] = duckdb(lake)
    for name, queries in definitions.items():
        other[name], answers = timed(lambda: [db.execute(sql).fetchall() for sql in queries])
        assert any(answers), name
    rows = db.execute("SELECT count(*) FROM sigess.erogazioni").fetchone()[0]
    shutil.rmtree(lake)
    note = f"the whole process with levels and commits, {memory:,.0f} MiB; {rows:,} delivery lines"
    lines = [Line(f"24 indicators from scratch at scale {at.scale:g}", seconds, "s", sum(other.values()), 1.0, note=note)]
    return lines + [Line(f"  {name}", done[name], "s", other[name]) for name in sorted(done, key=done.get, reverse=True)[:6]]


def indicators():
    """{dataset: [queries]}"""
    found = {}
    for file in sorted((DATASETS / "leps").glob("*.toml")):
        formulas = tomllib.loads(file.read_text())["formula"]
        found[f"leps.{file.stem}"] = [(file.parent / formula.get("file", f"{file.stem}.sql")).read_text() for formula in formulas]
    return found


def duckdb(lake):
    """DuckDB over the current rows of every dataset, with the engine's own tables; the seconds that those took."""
    import duckdb
    import oracle

    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for folder in sorted((lake / "tables").glob("*/*")):
        dataset = f"{folder.parent.name}.{folder.name}"
        if folder.parent.name not in ("sistema", "leps") and (rows := oracle.current(lake, dataset)):
            db.execute(f"CREATE SCHEMA IF NOT EXISTS {folder.parent.name}")
            db.execute(f"CREATE VIEW {dataset} AS SELECT * FROM {rows}")
    today = datetime.datetime.now(datetime.UTC).date()
    reference = today.replace(day=1) - datetime.timedelta(days=1)
    db.execute(f"""CREATE TABLE anni AS SELECT y AS anno, make_date(y, 1, 1) AS inizio, make_date(y, 12, 31) AS fine,
        least(make_date(y, 12, 31), DATE '{reference}') AS riferimento FROM range(2016, {reference.year} + 1) t(y)""")
    residents = (DATASETS / "src/indicator/residenti.sql").read_text()
    seconds, _ = timed(lambda: db.execute(f"CREATE TABLE residenti AS {residents}"))
    return db, seconds


def increments(at, region):
    """From the report of a delivery to the new figure on the last door, the worst of a few."""
    import adbc_driver_flightsql.dbapi as flight
    import requests

    lake = at.copy(region, "leps")
    figure = f"livello = 'comune' AND codice = '{CODE}' AND anno = 2025"
    sql = f"SELECT CAST(numeratore AS double precision) FROM leps.copertura_nido WHERE {figure}"
    with program.Server(lake) as server, server.postgres(PLANNER) as postgres, flight.connect(server.at["flight"], db_kwargs={"username": PLANNER, "password": program.PASSWORD}, autocommit=True) as door:
        http, ask = server.at["http"], requests.Session()
        rest = f"{http}/api/v1/leps/copertura_nido?livello=comune&codice={CODE}&anno=2025"
        doors = [
            lambda: postgres.execute(sql).fetchone()[0],
            lambda: scalar(door, sql),
            lambda: float(ask.get(rest, auth=(PLANNER, program.PASSWORD), timeout=60).json()["rows"][0]["numeratore"]),
        ]
        about = {"dataset": "sirse.posti", "sender": CODE, "period": "2025"}
        seconds, whole = [], []
        line = service(lake)
        for _ in range(INCREMENTS):
            # One place fewer: more than are authorised would be refused.
            wanted = doors[0]() - 1
            line |= {"posti": str(int(line["posti"]) - 1), "posti_equivalenti": str(float(line["posti_equivalenti"]) - 1), "posti_convenzionati": ""}
            began = time.perf_counter()
            answer = ask.post(f"{http}/api/v1/deliveries", params=about, data=as_csv(line), auth=(COMUNE, program.PASSWORD), timeout=120)
            reported = time.perf_counter()
            report = answer.json()["report"]
            assert answer.status_code == 201 and report["accepted"] == 1, answer.text[:500]
            for show in doors:
                while show() != wanted:
                    assert time.perf_counter() - reported < 60, "the indicator did not follow"
                    time.sleep(0.005)
            seconds.append(time.perf_counter() - reported)
            whole.append(time.perf_counter() - began)
    shutil.rmtree(lake)
    note = f"worst of {INCREMENTS}; median {statistics.median(seconds):.2f} s; with the delivery itself {max(whole):.2f} s"
    return [Line(f"one comune's delivery on PostgreSQL, Flight and REST, scale {at.scale:g}", max(seconds), "s", target=1.0, note=note)]


def scalar(door, sql):
    with door.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def service(lake):
    """The largest full-time row of sirse.posti of the comune, as its cells would be delivered."""
    import duckdb
    import oracle

    rows = oracle.current(lake, "sirse.posti")
    table = duckdb.connect().sql(f"SELECT * FROM {rows} WHERE codice_istat = '{CODE}' AND anno = 2025 AND tempo = 'pieno' ORDER BY posti DESC, codice_servizio LIMIT 1")
    row = table.to_arrow_table().to_pylist()[0]
    return {k: "" if v is None else str(v) for k, v in row.items() if k not in SYSTEM}


def as_csv(cells):
    out = io.StringIO()
    writer = csv.DictWriter(out, cells, lineterminator="\n")
    writer.writeheader()
    writer.writerow(cells)
    return out.getvalue().encode()

"""`delivery_duckdb.py FILE LAKE OUT`: reads the CSV with its rejects stored, applies the checks of assa.strutture, writes Parquet and
syncs it. Conditions are those that `datasets` derives (their snapshot); lists, sender and key are joins, as one would write them."""

import csv
import json
import os
import pathlib
import re
import resource
import sys
import time
import tomllib

import duckdb
from deltalake import DeltaTable

DATASETS = pathlib.Path(__file__).resolve().parents[2] / "datasets"
TYPES = {"text": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN", "date": "DATE", "double": "DOUBLE"}
# What the lake adds to each row.
SYSTEM = "'c' AS id_consegna, riga_consegna, '058091' AS mittente, '2026-10' AS periodo, now() AS registrato_dal, CAST(NULL AS TIMESTAMPTZ) AS registrato_al"
TWICE = """SELECT rowid FROM (SELECT rowid, row_number() OVER (PARTITION BY codice_struttura ORDER BY rowid) AS n FROM letto
  SEMI JOIN (SELECT codice_struttura FROM letto GROUP BY 1 HAVING count(*) > 1) USING (codice_struttura)) WHERE n > 1"""


def read(db, file, columns):
    """Tables `letto` (typed rows; `reject_errors` has the others) and `consegna` (what the conditions ask for)."""
    with open(file) as text:
        header = text.readline().strip().split(",")
    declared = {name: columns[name] for name in header}
    db.execute(f"CREATE TABLE letto AS SELECT * FROM read_csv('{file}', header = true, columns = {declared!r}, store_rejects = true, rejects_limit = 0)")
    absent = [f"CAST(NULL AS {kind}) AS {name}" for name, kind in columns.items() if name not in header and name != "ambito"]
    raw = [f"CAST({name if name in header else 'NULL'} AS VARCHAR) AS {name}__testo" for name, kind in columns.items() if kind != "VARCHAR"]
    more = ", ".join(absent + raw)
    db.execute(f"CREATE VIEW consegna AS SELECT l.*, l.rowid AS riga_consegna, c.ambito, {more} FROM letto l LEFT JOIN comuni c USING (codice_istat)")


def judge(db, contract):
    """Table `rifiutate`: row numbers of `letto` that break a check."""
    conditions = (DATASETS / "tests/snapshots/assa.strutture__violations_sql.snap").read_text().split("---\n", 2)[2]
    flagged = " OR ".join(f'"{rule}"' for rule in re.findall(r' AS "([^"]+)"', conditions))
    db.execute("CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern)")
    db.execute(f"CREATE TABLE violazioni AS SELECT * FROM ({conditions}) WHERE {flagged}")
    wrong = ["SELECT riga_consegna FROM violazioni", "SELECT rowid FROM letto WHERE codice_istat <> '058091'", TWICE]
    for column in contract["column"]:
        if code_list := column.get("code_list"):
            lines = (DATASETS / f"code_lists/{code_list}.csv").read_text().splitlines()
            codes = [code["code"] for code in csv.DictReader(line for line in lines if not line.startswith("#"))]
            wrong.append(f"SELECT rowid FROM letto WHERE {column['name']} NOT IN ({', '.join(map(repr, codes))})")
    db.execute(f"CREATE TABLE rifiutate AS {' UNION '.join(wrong)}")


def write(db, columns, out):
    kept = f"SELECT {', '.join(columns)}, {SYSTEM} FROM consegna WHERE riga_consegna NOT IN (FROM rifiutate)"
    db.execute(f"COPY ({kept}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 131072)")
    for path in (out, os.path.dirname(out)):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def main(file, lake, out):
    contract = tomllib.loads((DATASETS / "assa/strutture.toml").read_text())
    columns = {c["name"]: TYPES[c["type"]] for c in contract["column"]}
    comuni = [uri.removeprefix("file://") for uri in DeltaTable(f"{lake}/tables/territorio/comuni").file_uris()]
    db = duckdb.connect()
    start = time.perf_counter()
    db.execute(f"CREATE TABLE comuni AS SELECT codice_istat, ambito FROM read_parquet({comuni!r})")
    read(db, file, columns)
    judge(db, contract)
    write(db, columns, out)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = lambda sql: db.execute(sql).fetchone()[0]
    refused = count("SELECT count(*) FROM rifiutate") + count("SELECT count(DISTINCT (file_id, line)) FROM reject_errors")
    print(json.dumps({"seconds": seconds, "peak": peak, "kept": count(f"SELECT count(*) FROM read_parquet('{out}')"), "refused": refused}))
    os.remove(out)


main(*sys.argv[1:])

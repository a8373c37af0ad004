"""Other people's tools judge what is derived from contracts; `cargo test -p datasets` wrote it under the target folder."""

import csv
import json
import os
import pathlib
import subprocess
import sys

import duckdb
import frictionless
import jsonschema
import pytest

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path(__file__).resolve().parents[2] / "target"))
EXPORTS = TARGET / "tmp" / "exports"
SINGLE = sorted(EXPORTS.glob("single/*"))

each = pytest.mark.parametrize("export", SINGLE, ids=lambda path: path.name)


def test_exports_are_there():
    assert len(SINGLE) >= 13, f"run `cargo test -p datasets` first: {EXPORTS}"


def test_odcs_is_accepted_by_datacontract_lint():
    # One process for all: starting the tool takes seconds.
    program = (
        "import sys\n"
        "from datacontract.data_contract import DataContract\n"
        "for file in sys.argv[1:]:\n"
        "    run = DataContract(data_contract_file=file).lint()\n"
        "    print(file, run.result, [(c.name, c.reason) for c in run.checks if c.result != 'passed'])\n"
    )
    files = [str(export / "odcs.yaml") for export in SINGLE]
    done = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, timeout=300)
    lines = [line for line in done.stdout.splitlines() if "odcs.yaml" in line]
    assert len(lines) == len(files), done.stderr[-4000:]
    assert [line for line in lines if "passed []" not in line] == []


def test_odcs_is_accepted_by_the_datacontract_command():
    tool = pathlib.Path(sys.executable).with_name("datacontract")
    done = subprocess.run([tool, "lint", EXPORTS / "single/assa.strutture/odcs.yaml"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@each
def test_frictionless_accepts_the_package(export):
    report = frictionless.validate(str(export / "datapackage.json"))
    assert report.valid, report.flatten(["title", "message"])


def test_frictionless_accepts_all_datasets_with_their_foreign_keys():
    report = frictionless.validate(str(EXPORTS / "package/datapackage.json"))
    assert report.valid, report.flatten(["title", "message"])


def test_frictionless_refuses_a_wrong_value(tmp_path):
    source = EXPORTS / "single/prova.tutto"
    package = json.loads((source / "datapackage.json").read_text())
    header = next(csv.reader((source / "prova/tutto.csv").open()))
    (tmp_path / "prova").mkdir()
    row = {"codice": "a1", "codice_istat": "058091", "ambito": "ROMA", "giorno": "1999-01-01", "colore": "blu"}
    with (tmp_path / "prova/tutto.csv").open("w") as file:
        csv.writer(file).writerows([header, [row.get(name, "") for name in header]])
    (tmp_path / "datapackage.json").write_text(json.dumps(package))
    report = frictionless.validate(str(tmp_path / "datapackage.json"))
    wrong = {name for (name,) in report.flatten(["fieldName"])}
    assert wrong == {"codice", "giorno", "colore"}


@each
def test_json_schema_is_one_and_accepts_the_examples(export):
    schema = json.loads((export / "schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    row = json.loads((export / "row.json").read_text())
    # A required column without an example is the only thing an example row may lack.
    assert [error.message for error in validator.iter_errors(row) if error.validator != "required"] == []
    assert list(validator.iter_errors(row | {"unheard_of": 1})) != []


def checked(export):
    """A DuckDB with the empty table of rows to check, and the query over it."""
    db = duckdb.connect()
    db.execute("CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern)")
    db.execute((export / "table.sql").read_text())
    return db, (export / "violations.sql").read_text()


@each
def test_violations_query_runs_in_duckdb(export):
    db, query = checked(export)
    assert db.execute(query).fetchall() == []


def lake():
    """A DuckDB with every dataset, empty, and the engine's own table of what is owed."""
    db = duckdb.connect()
    db.execute("CREATE TABLE dovute (dataset VARCHAR, sottosistema VARCHAR, mittenti VARCHAR, periodo VARCHAR, inizio DATE, fine DATE, scadenza DATE, scaduta BOOLEAN)")
    for export in SINGLE:
        db.execute((export / "lake.sql").read_text())
    # The engine's own table of years, with the last day that counts of each.
    db.execute("CREATE TABLE anni (anno BIGINT, inizio DATE, fine DATE, riferimento DATE)")
    return db


def test_set_rules_run_in_duckdb_and_answer_lines():
    rules = sorted(EXPORTS.glob("single/*/set_rules/*.sql"))
    assert len(rules) >= 2
    db = lake()
    for rule in rules:
        for table in ["consegna", "dopo"]:
            db.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT *, CAST(NULL AS BIGINT) AS riga_consegna FROM {rule.parents[1].name}")
        answer = db.execute(rule.read_text())
        assert [column[0] for column in answer.description] == ["riga_consegna"], rule
        assert answer.fetchall() == []


def test_derived_datasets_have_the_columns_of_their_contract():
    # Estimates have no query, and an indicator's gives numerators and denominators, of which the service makes the columns.
    queries = [query for query in sorted(EXPORTS.glob("single/*/derived.sql")) if not query.parent.name.startswith("leps.")]
    assert len(queries) >= 3
    db = lake()
    for query in queries:
        declared = db.execute(f"DESCRIBE {query.parent.name}").fetchall()
        given = db.execute(f"DESCRIBE {query.read_text()}").fetchall()
        assert [row[:2] for row in given] == [row[:2] for row in declared], query


def test_violations_query_finds_what_is_wrong_and_nothing_else():
    db, query = checked(EXPORTS / "single/prova.tutto")
    good = {
        "codice": "A01", "codice_istat": "058091", "ambito": "ROMA", "colore": "rosso", "nota": "breve", "posti": 12, "importo": "1234.50",
        "quota": 0.25, "attivo": True, "giorno": "2024-02-29", "istante": "2024-02-29T10:30:00Z",
    }
    cases = [
        ({}, set()),
        ({"nota": None, "colore": None, "posti": None, "importo": None, "quota": None, "attivo": None, "istante": None}, set()),
        ({"codice": None}, {"codice.required"}),
        ({"codice": "A'012"}, set()),
        ({"codice": "xA01"}, {"codice.pattern"}),
        ({"codice": "A01\n"}, {"codice.pattern"}),
        ({"codice_istat": "  "}, {"codice_istat.required"}),
        ({"ambito": None}, {"ambito.required"}),
        ({"nota": "èèèèèèèèèèèèèèèèèèèè"}, set()),
        ({"nota": "èèèèèèèèèèèèèèèèèèèèè"}, {"nota.max_length"}),
        ({"posti": None, "posti__testo": "dodici"}, {"posti.type"}),
        ({"posti": -1, "importo": None, "attivo": None}, {"posti.min"}),
        ({"posti": 1000}, {"posti.max"}),
        ({"importo": "-0.51"}, {"importo.min"}),
        ({"importo": "99999.51", "posti": None}, {"importo.max"}),
        ({"importo": "12000.01"}, {"importo_con_posti"}),
        ({"importo": None, "importo__testo": "1.000.000,00"}, {"importo.type"}),
        ({"quota": 1.1}, {"quota.max"}),
        ({"quota": None, "quota__testo": "un quarto"}, {"quota.type"}),
        ({"attivo": None, "attivo__testo": "forse"}, {"attivo.type"}),
        ({"attivo": True, "posti": 0, "importo": 0}, {"posti_se_attivo"}),
        ({"giorno": None}, {"giorno.required"}),
        ({"giorno": None, "giorno__testo": "30/02/2024"}, {"giorno.type"}),
        ({"giorno": "1999-12-31"}, {"giorno.min"}),
        ({"giorno": "2100-01-01"}, {"giorno.max"}),
        ({"istante": "1999-12-31T22:59:59Z"}, {"istante.min"}),
        ({"istante": "1999-12-31T23:00:00Z"}, set()),
        ({"istante": None, "istante__testo": "ieri"}, {"istante.type"}),
    ]
    typed = ["posti", "importo", "quota", "attivo", "giorno", "istante"]
    for line, (changes, _) in enumerate(cases):
        row = good | changes
        row = {f"{name}__testo": None if row[name] is None else str(row[name]) for name in typed} | row | {"riga_consegna": line}
        names = ", ".join(f'"{name}"' for name in row)
        db.execute(f"INSERT INTO consegna ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    found = db.execute(query)
    rules = [column[0] for column in found.description]
    answers = {row[0]: {rule for rule, wrong in zip(rules[1:], row[1:]) if wrong} for row in found.fetchall()}
    assert answers == {line: expected for line, (_, expected) in enumerate(cases)}

"""The notebooks run from top to bottom against a served lake by the public doors alone; what they show is what DuckDB finds in the files,
and each plot is a picture with something on it."""

import base64
import io
import json
import math
import os
import pathlib

import matplotlib.image
import nbclient
import nbformat
import pytest

import test_leps
import test_questions

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ["distretti_e_leps", "spesa_e_residui"]
PLOTS = {"distretti_e_leps": 5, "spesa_e_residui": 5}


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def run(server, name, account="pianificatore", **wanted):
    """The executed notebook, and the values of expressions over its tables, asked in its own kernel after its last cell."""
    notebook = read(name)
    asked = "import json\nprint(json.dumps({%s}))" % ", ".join(f"{key!r}: {expression}" for key, expression in wanted.items())
    notebook.cells.append(nbformat.v4.new_code_cell(asked))
    host, port = server.postgres.rsplit(":", 1)
    before = dict(os.environ)
    os.environ |= {"SISS_URL": server.http, "SISS_DSN": f"host={host} port={port} dbname=siss", "SISS_FLIGHT_URL": server.flight}
    os.environ |= {"SISS_ACCOUNT": account, "SISS_PASSWORD": server.password}
    try:
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    answer = "".join(output["text"] for output in notebook.cells.pop()["outputs"] if output["output_type"] == "stream" and output["name"] == "stdout")
    return notebook, json.loads(answer)


def pictures(notebook):
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return [base64.b64decode(output["data"]["image/png"]) for output in outputs if "image/png" in output.get("data", {})]


def assert_drawn(notebook, name):
    drawn = pictures(notebook)
    assert len(drawn) == PLOTS[name]
    for png in drawn:
        pixels = matplotlib.image.imread(io.BytesIO(png), format="png")
        assert min(pixels.shape[:2]) > 200 and pixels[..., :3].std() > 0.02, "an empty picture"
    if folder := os.environ.get("SISS_PLOTS"):
        for number, png in enumerate(drawn):
            (pathlib.Path(folder) / f"{name}-{number}.png").write_bytes(png)


def same(got, expected):
    """Tables of keys and numbers, equal but for the last digits."""
    assert set(got) == set(expected) and expected
    for key, numbers in expected.items():
        for mine, other in zip(got[key], numbers, strict=True):
            assert (mine is None) == (other is None) and (other is None or math.isclose(mine, float(other), rel_tol=1e-9, abs_tol=1e-9)), (key, got[key], numbers)


def records(table, key, *columns):
    """An expression of the notebook's kernel: `table` as {key: [numbers]}."""
    return f"{{str(r[{key!r}]): [None if r[c] != r[c] else float(r[c]) for c in {list(columns)!r}] for r in {table}.to_dict('records')}}"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_without_what_it_showed(name):
    notebook = read(name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and all(not cell.outputs and cell.execution_count is None for cell in code)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert all("*Summary." in text for text in texts), "each section has its summary in English"


def test_districts_against_leps(server):
    notebook, got = run(
        server,
        "distretti_e_leps",
        regione=records("regione", "leps", "valore", "bersaglio"),
        quote="{f'{a} {l}': [q] for l, s in quote.items() for a, q in s.dropna().items()}",
        assistenti=records("assistenti", "ambito", "assistenti", "residenti", "contributo"),
        bisogno=records("bisogno", "ambito", "residenti", "accessi", "posti"),
        osservati=records("recenti", "inizio", "valore"),
        stime=records("stime", "inizio", "valore", "inferiore_80", "superiore_95"),
    )
    assert_drawn(notebook, "distretti_e_leps")
    assert sorted(got["regione"]) == [f"LEPS-{n:02}" for n in range(1, 25)]
    db = test_leps.judge(server.data)
    # Values from the numerators and denominators that DuckDB counts itself, not from the service's tables.
    wanted = {}
    for name, leps, target in (("assistenti_sociali", "LEPS-01", 1), ("pronto_intervento_h24", "LEPS-05", 100), ("supervisione", "LEPS-15", 100)):
        found = test_leps.expected(db, name)
        latest = max(year for level, _, year in found if level == "regione")
        assert math.isclose(got["regione"][leps][0], float(found["regione", "lazio", latest][2]), abs_tol=0.00006)
        wanted |= {f"{code} {leps}": float(value) / target for (level, code, year), (_, _, value) in found.items() if level == "ambito" and year == 2025 and value is not None}
    mine = {key: value for key, (value,) in got["quote"].items() if key[-7:] in ("LEPS-01", "LEPS-05", "LEPS-15")}
    assert set(mine) == set(wanted) and all(math.isclose(mine[key], value, abs_tol=0.0001) for key, value in wanted.items())
    staff = test_leps.expected(db, "assistenti_sociali")
    for (level, code, year), (numerator, denominator, _) in staff.items():
        if level == "ambito" and year == 2025:
            assert got["assistenti"][code][:2] == [float(numerator), float(denominator)]
    need = db.execute("""SELECT c.ambito, sum(p.tutti), (SELECT count(*) FROM sigess.accessi a WHERE a.ambito = c.ambito AND year(data_accesso) = 2025),
        (SELECT coalesce(sum(posti_autorizzati), 0) FROM assa.posti s WHERE s.ambito = c.ambito AND data_rilevazione = '2025-12-31' AND tipo_posto <> 'emergenza')
        FROM p JOIN territorio.comuni c USING (codice_istat) WHERE p.y = 2025 GROUP BY ALL""").fetchall()
    same(got["bisogno"], {row[0]: row[1:] for row in need})
    estimates = db.execute(f"""SELECT inizio, valore, inferiore_80, superiore_95, osservato_al FROM {test_leps.oracle.current(server.data, 'previsioni.stime')}
        WHERE serie = 'accessi' AND codice = 'lazio' AND stato = 'stima'""").fetchall()
    same(got["stime"], {f"{row[0]} 00:00:00": row[1:4] for row in estimates})
    months = db.execute("SELECT date_trunc('month', data_accesso)::DATE AS m, count(*) FROM sigess.accessi WHERE data_accesso >= '2021-01-01' GROUP BY ALL").fetchall()
    same(got["osservati"], {f"{month} 00:00:00": [n] for month, n in months if month <= estimates[0][4]})


def test_expenditure_and_its_residues(server):
    notebook, got = run(
        server,
        "spesa_e_residui",
        fasi=records("fasi.reset_index()", "anno", "programmato", "impegnato", "rendicontato"),
        fondi=records("fondi.reset_index()", "fondo", "programmato", "libero", "da_rendicontare"),
        residui=records("residui", "ambito", "programmato", "libero", "% libero"),
        costi=records("per_voce.reset_index()", "voce", "distretti", "costo", "utenti", "costo per utente"),
        quote=records("quote.reset_index()", "anno", "importo", "ente", "utente", "sanita", "altri"),
    )
    assert_drawn(notebook, "spesa_e_residui")
    db = test_questions.judge(server.data, "pianificatore", "VIEW")
    table = lambda sql: {str(row[0]): row[1:] for row in db.execute(sql).fetchall()}
    phase = "sum(importo) FILTER (fase = '{}')"
    same(got["fasi"], table(f"SELECT anno, {', '.join(f'{phase.format(f)} / 1e6' for f in ('programmato', 'impegnato', 'rendicontato'))} FROM piani_zona.importi GROUP BY anno"))
    # Residues worked out from the amounts themselves: what the service derived is not asked.
    line = """SELECT fondo, ambito, anno, coalesce(sum(importo) FILTER (fase = 'programmato'), 0) AS p, coalesce(sum(importo) FILTER (fase = 'impegnato'), 0) AS i,
        coalesce(sum(importo) FILTER (fase = 'rendicontato'), 0) AS r FROM piani_zona.importi GROUP BY ALL"""
    same(got["fondi"], table(f"SELECT fondo, sum(p), sum(p - i), sum(i - r) FROM ({line}) WHERE anno <= 2025 GROUP BY fondo"))
    same(got["residui"], table(f"SELECT ambito, sum(p), sum(p - i), 100.0 * CAST(sum(p - i) AS DOUBLE) / CAST(sum(p) AS DOUBLE) FROM ({line}) WHERE anno = 2025 GROUP BY ambito"))
    same(got["costi"], table("""SELECT codice_voce, count(DISTINCT ambito), sum(costo_sostenuto), sum(utenti_serviti), CAST(sum(costo_sostenuto) AS DOUBLE) / sum(utenti_serviti)
        FROM interventi WHERE anno = 2024 AND utenti_serviti > 0 GROUP BY codice_voce""".replace("interventi", test_questions.oracle.current(server.data, "piani_zona.interventi_programmati"))))
    same(got["quote"], table("""SELECT year(data_inizio), sum(importo), sum(quota_ente), sum(quota_utente), sum(quota_ssn), sum(quota_altre)
        FROM sigess.erogazioni WHERE stato IN ('erogata', 'liquidata') GROUP BY ALL"""))

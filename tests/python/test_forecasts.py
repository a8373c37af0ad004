"""The estimates against a second opinion: series counted by DuckDB from the files, the season taken away by statsmodels, the smoothing
written again in NumPy; every published error worked out anew; what is refused, and why; who sees what; what one delivery changes."""

import csv
import datetime
import io
import json
import math
import shutil

import duckdb
import numpy
import psycopg
import pytest
from statsmodels.tsa.seasonal import STL

import oracle
import test_leps
from test_leps import REFERENCE, get

CUTS, HORIZON, FEWEST = (12, 15, 18, 21, 24), 12, 36
LIKELY, SURE = 1.2815515655446004, 1.959963984540054


def months(first, last):
    """First days of the months from `first` to `last`."""
    count = 12 * (last.year - first.year) + last.month - first.month
    return [datetime.date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(count + 1)]


def series(data):
    """{(series, code): (first period, values)} of the monthly series, counted from the deliveries."""
    db = test_leps.judge(data)
    found = {}
    for ambito, month, n in db.execute(f"""SELECT ambito, date_trunc('month', data_accesso)::DATE, count(*) FROM sigess.accessi
        WHERE data_accesso BETWEEN '2016-01-01' AND DATE '{REFERENCE}' GROUP BY ALL""").fetchall():
        found.setdefault(("accessi", ambito), {})[month] = n
    # A facility's places on the last day of a month: those of its latest survey until then, or of its first, while it may operate.
    places = {}
    for code, ambito, day, n in db.execute("""SELECT codice_struttura, ambito, data_rilevazione, sum(posti_autorizzati) FROM assa.posti
        WHERE tipo_posto IN ('residenziale', 'semiresidenziale') GROUP BY ALL ORDER BY 3""").fetchall():
        places.setdefault((code, ambito), []).append((day, int(n)))
    open_from = {}
    for code, since, until in db.execute("SELECT codice_struttura, dal, al FROM assa.stati WHERE asse = 'autorizzazione' AND stato IN ('autorizzata', 'diffidata')").fetchall():
        open_from.setdefault(code, []).append((since, until or datetime.date.max))
    surveyed = {}
    for (_, ambito), surveys in places.items():
        surveyed[ambito] = max(surveyed.get(ambito, surveys[-1][0]), surveys[-1][0])
    for (code, ambito), surveys in places.items():
        for month in months(datetime.date(2016, 1, 1), min(surveyed[ambito], REFERENCE)):
            end = (month.replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - datetime.timedelta(days=1)
            if any(since <= end < until for since, until in open_from.get(code, [])):
                now = [n for day, n in surveys if day <= end]
                of = found.setdefault(("posti_strutture", ambito), {})
                of[month] = of.get(month, 0) + (now[-1] if now else surveys[0][1])
    for name in ("accessi", "posti_strutture"):
        of = {code: values for (other, code), values in found.items() if other == name}
        ends = [max(values) for values in of.values()]
        end = min(e for e in ends if len(months(e, max(ends))) <= 12)
        total = {}
        for values in of.values():
            for month, n in values.items():
                if month <= end:
                    total[month] = total.get(month, 0) + n
        found[name, "lazio"] = total
    return {key: (min(values), [float(values.get(m, 0)) for m in months(min(values), max(values))]) for key, values in found.items()}


def smoothing(y, horizon):
    """Damped exponential smoothing, the best of the grid: values and standard deviations ahead."""
    start = y[:24]
    slope, level = numpy.polyfit(numpy.arange(1, len(start) + 1), start, 1)
    best = None
    for n in range(1, 20):
        for part in (0.0, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4):
            for phi in (0.8, 0.9, 0.98, 1.0):
                alpha = n * 0.05
                beta, l, b, sse = alpha * part, level, slope, 0.0
                for value in y:
                    error = value - l - phi * b
                    l, b, sse = l + phi * b + alpha * error, phi * b + beta * error, sse + error * error
                if best is None or sse / len(y) < best[0]:
                    best = (sse / len(y), alpha, beta, phi, l, b)
    mse, alpha, beta, phi, l, b = best
    reach = numpy.cumsum(phi ** numpy.arange(1, horizon + 1))
    spread = 1 + numpy.concatenate([[0], numpy.cumsum((alpha + beta * reach[:-1]) ** 2)])
    return l + reach * b, numpy.sqrt(mse * spread)


def model(y):
    parts = STL(numpy.array(y), period=12, seasonal=11, seasonal_deg=0, trend_deg=1, low_pass_deg=1).fit(inner_iter=2, outer_iter=0)
    value, deviation = smoothing(list(y - parts.seasonal), HORIZON)
    return value + parts.seasonal[-12:], deviation


@pytest.fixture(scope="module")
def rows(lake):
    found = duckdb.connect().sql(f"SELECT * FROM {oracle.current(lake, 'previsioni.stime')} ORDER BY serie, livello, codice, inizio").to_arrow_table().to_pylist()
    grouped = {}
    for row in found:
        grouped.setdefault((row["serie"], row["codice"]), []).append(row)
    return grouped


@pytest.fixture(scope="module")
def counted(lake):
    return series(lake)


def test_the_series_are_those_that_duckdb_counts(lake, rows, counted):
    table = duckdb.connect().sql(f"SELECT serie, ambito, inizio, valore FROM {oracle.current(lake, 'previsioni.serie')} WHERE frequenza = 'mese'").fetchall()
    stored = {}
    for name, ambito, month, value in table:
        stored.setdefault((name, ambito), {})[month] = float(value)
    assert set(stored) == {key for key in counted if key[1] != "lazio"}
    for key, values in stored.items():
        assert (min(values), [values[m] for m in sorted(values)]) == counted[key], key
    for key, (first, values) in counted.items():
        assert {(r["osservato_dal"], r["osservazioni"]) for r in rows[key]} == {(first, len(values))}, key


def test_every_published_error_follows_from_the_past_estimates(rows, counted):
    seen = set()
    for key, (first, y) in counted.items():
        of = rows[key]
        seen.add(of[0]["stato"])
        if len(y) < FEWEST:
            assert [r["stato"] for r in of] == ["storia_breve"] and of[0]["verifica"] is None
            continue
        past = json.loads(of[0]["verifica"])
        known = [len(y) - cut for cut in CUTS if len(y) - cut >= 24]
        calendar = months(first, of[0]["osservato_al"])
        assert [test["osservato_al"] for test in past] == [calendar[k - 1].isoformat() for k in known] and of[0]["origini"] == len(known)
        errors = [abs(y[k + n] - value) for k, test in zip(known, past) for n, value in enumerate(test["stime"])]
        repeating = [abs(y[k + n] - y[k + n - 12]) for k in known for n in range(HORIZON)]
        change = numpy.mean([abs(b - a) for a, b in zip(y, y[12:])])
        error, other = numpy.mean(errors), numpy.mean(repeating)
        assert math.isclose(float(of[0]["errore_medio"]), error, abs_tol=0.006) and math.isclose(float(of[0]["errore_medio_ripetendo"]), other, abs_tol=0.0001), key
        if change > 0:
            assert math.isclose(float(of[0]["mase"]), error / change, abs_tol=0.006 / change + 0.0001)
            assert math.isclose(float(of[0]["mase_ripetendo"]), other / change, abs_tol=0.0001)
        if abs(error - other) > 0.01:
            assert of[0]["stato"] == ("stima" if error < other else "peggio_dell_anno_prima"), key
    assert {"stima", "peggio_dell_anno_prima"} <= seen


@pytest.mark.parametrize("name", ["accessi", "posti_strutture"])
def test_the_same_model_by_other_hands_says_the_same(rows, counted, name):
    for code in ("lazio", "RM 5.1"):
        _, y = counted[name, code]
        of, squares, thought = rows[name, code], [], []
        for known, test in zip((len(y) - cut for cut in CUTS), json.loads(of[0]["verifica"])):
            value, deviation = model(y[:known])
            value = numpy.maximum(value, 0)
            assert numpy.allclose(value, test["stime"], atol=0.0051 + 1e-6 * max(y)), (name, code, known)
            squares += list((numpy.array(y[known : known + HORIZON]) - value) ** 2)
            thought += list(deviation**2)
        if of[0]["stato"] != "stima":
            continue
        value, deviation = model(y)
        deviation = deviation * max(1.0, math.sqrt(sum(squares) / sum(thought)))
        for n, row in enumerate(of):
            wanted = [value[n], *(value[n] + sign * z * deviation[n] for z in (LIKELY, SURE) for sign in (-1, 1))]
            got = [float(row[c]) for c in ("valore", "inferiore_80", "superiore_80", "inferiore_95", "superiore_95")]
            assert numpy.allclose(numpy.maximum(wanted, 0), got, atol=0.0051 + 1e-6 * max(y)), (name, code, n)
    assert rows[name, "lazio"][0]["stato"] == "stima"


def test_an_estimate_says_that_it_is_one_and_a_refusal_why(rows):
    for (name, _), of in rows.items():
        if of[0]["stato"] == "stima":
            assert [r["orizzonte"] for r in of] == list(range(1, 13)) and all(r["stato"] == "stima" for r in of)
            assert [r["inizio"] for r in of] == months(of[0]["osservato_al"], of[-1]["inizio"])[1:]
            assert all(0 <= r["inferiore_95"] <= r["inferiore_80"] <= r["valore"] <= r["superiore_80"] <= r["superiore_95"] for r in of)
        else:
            assert len(of) == 1 and of[0]["valore"] is None and of[0]["superiore_95"] is None and of[0]["orizzonte"] is None
    yearly = {name: {r["stato"] for (other, _), of in rows.items() if other == name for r in of} for name in ("posti_nido", "spesa_impegnata")}
    assert yearly == dict.fromkeys(yearly, {"storia_breve"})


def test_who_sees_which_estimates(server, rows):
    path = "/api/v1/forecasts"
    assert get(server, path)[0] == get(server, path, "ispettore")[0] == 404 and get(server, f"{path}?anno=2027", "pianificatore")[0] == 400
    host, port = server.postgres.rsplit(":", 1)
    connect = lambda account: psycopg.connect(host=host, port=port, dbname="siss", user=account, password=server.password, autocommit=True)
    every = get(server, path, "pianificatore")[1]["rows"]
    assert len(every) == sum(map(len, rows.values()))
    for account, ambito in (("distretto_rm_5_1", "RM 5.1"), ("comune_058120", "RM 3.1")):
        assert get(server, path, account)[1]["rows"] == [r for r in every if r["livello"] == "regione" or r["ambito"] == ambito]
        with connect(account) as db:
            seen = lambda table: {row[0] for row in db.execute(f"SELECT DISTINCT ambito FROM previsioni.{table}").fetchall()}
            assert seen("serie") == {ambito} and seen("stime") == {ambito, None}
    one = get(server, f"{path}?serie=accessi&livello=regione&stato=stima", "pianificatore")[1]["rows"]
    with connect("pianificatore") as db:
        found = db.execute("SELECT inizio, valore, superiore_95 FROM previsioni.stime WHERE serie = 'accessi' AND codice = 'lazio' ORDER BY inizio").fetchall()
    assert [(str(a), float(b), float(c)) for a, b, c in found] == [(r["inizio"], float(r["valore"]), float(r["superiore_95"])) for r in one]


def test_a_delivery_changes_only_the_estimates_that_follow_from_it(siss, lake, tmp_path, rows):
    data = tmp_path / "data"
    shutil.copytree(lake, data)
    line = duckdb.connect().sql(f"SELECT * FROM {oracle.current(data, 'sigess.accessi')} WHERE ambito = 'RM 5.1' AND id_persona IS NULL ORDER BY id_scheda LIMIT 1").to_arrow_table().to_pylist()[0]
    line = {k: v for k, v in line.items() if k not in ("id_consegna", "riga_consegna", "mittente", "periodo", "registrato_dal", "registrato_al")}
    out = io.StringIO()
    writer = csv.DictWriter(out, line, lineterminator="\n")
    writer.writeheader()
    for n in range(30):
        cells = line | {"id_scheda": f"ARM51-2026-98{n:04}", "data_accesso": "2026-03-10", "data_esito": "2026-03-12" if line["esito"] else None}
        writer.writerow({k: "" if v is None else str(v).lower() if isinstance(v, bool) else v for k, v in cells.items()})
    (tmp_path / "accessi.csv").write_text(out.getvalue())
    done = siss("deliver", tmp_path / "accessi.csv", "--dataset", "sigess.accessi", "--sender", "RM 5.1", "--period", "2026", "--data", data)
    assert done.returncode == 0, done.stdout + done.stderr
    after = duckdb.connect().sql(f"SELECT * FROM {oracle.current(data, 'previsioni.stime')}").to_arrow_table().to_pylist()
    before = {(r["serie"], r["codice"], r["inizio"]): r for of in rows.values() for r in of}
    after = {(r["serie"], r["codice"], r["inizio"]): r for r in after}
    changed = {key[:2] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed == {("accessi", "RM 5.1"), ("accessi", "lazio")}
    again = siss("derive", "--data", data)
    assert again.returncode == 0 and again.stdout == "", again.stdout + again.stderr

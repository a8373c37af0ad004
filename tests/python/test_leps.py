"""Each indicator against a computation of its own in DuckDB over the lake's files: base rows written from the catalogue of the law (not from
the service's SQL), every level added up from them; then a late correction, the history, and who may see what."""

import datetime
import decimal
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request

import duckdb
import psycopg
import pytest

import oracle
from conftest import serving

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
REFERENCE = TODAY.replace(day=1) - datetime.timedelta(days=1)
DATASETS = """territorio.comuni territorio.popolazione assa.posti assa.provvedimenti assa.stati piani_zona.importi piani_zona.interventi_programmati
piani_zona.risorse_umane sigess.accessi sigess.casi sigess.emergenze sigess.erogazioni sigess.interventi sigess.persone sigess.piani_individuali
sigess.valutazioni sirse.posti sirse.servizi""".split()

# name: (unit of the base rows, factor, what is counted). Columns: u (municipality or district), y, n, d; of a median v.
# `y` holds the years (y, lo, hi: first day and last day that counts), `p` the residents of each municipality and year.
PER_DISTRICT = "SELECT c.ambito AS a, p.y, sum(p.{0}) AS r FROM p JOIN territorio.comuni c USING (codice_istat) GROUP BY ALL"
COVERED = "SELECT p.*, c.ambito AS a FROM p JOIN territorio.comuni c USING (codice_istat) SEMI JOIN ({0}) s ON s.a = c.ambito AND s.y = p.y"
DELIVERED = """SELECT DISTINCT e.* FROM sigess.erogazioni e SEMI JOIN (SELECT * FROM sigess.interventi WHERE codice_voce = '{0}') i
ON e.id_intervento = i.id_intervento AND e.ambito = i.ambito JOIN y ON e.data_inizio BETWEEN y.lo AND y.hi WHERE e.stato IN ('erogata', 'liquidata')"""
SERVED = """WITH e AS (""" + DELIVERED + """), s AS (SELECT DISTINCT codice_istat, ambito, year(data_inizio) AS y, id_persona FROM e)
SELECT r.codice_istat AS u, r.y, (SELECT count(*) FROM s JOIN sigess.persone q ON q.id_persona = s.id_persona AND q.ambito = s.ambito
  WHERE s.codice_istat = r.codice_istat AND s.y = r.y AND {1}) AS n, r.{2} AS d
FROM (""" + COVERED.format("SELECT DISTINCT ambito AS a, y FROM s") + ") r"
PLANNED = "SELECT ambito AS u, anno AS y, coalesce(max({1}) FILTER (codice_voce = '{0}'), 0) AS n, {2} AS d FROM piani_zona.interventi_programmati GROUP BY ALL"
INDICATORS = {
    "assistenti_sociali": ("ambito", 5000, f"""
        SELECT s.ambito AS u, s.anno AS y, coalesce(sum(s.tempo_pieno) FILTER (s.profilo = 'assistente_sociale' AND s.contratto = 'indeterminato' AND s.tipo_ente <> 'terzo_settore'), 0) AS n, any_value(r.r) AS d
        FROM piani_zona.risorse_umane s JOIN ({PER_DISTRICT.format('tutti')}) r ON r.a = s.ambito AND r.y = s.anno GROUP BY ALL"""),
    "copertura_nido": ("comune", 100, f"""
        SELECT r.codice_istat AS u, r.y, (SELECT coalesce(sum(posti_equivalenti), 0) FROM sirse.posti o WHERE o.codice_istat = r.codice_istat AND o.anno = r.y) AS n, r.nido AS d
        FROM ({COVERED.format('SELECT DISTINCT ambito AS a, anno AS y FROM sirse.posti')}) r"""),
    "comuni_con_servizio": ("comune", 100, """
        SELECT c.codice_istat AS u, y.y, CAST(EXISTS (SELECT 1 FROM sirse.servizi s WHERE s.codice_istat = c.codice_istat AND s.anno = y.y) AS INT) AS n, 1 AS d
        FROM territorio.comuni c, y WHERE EXISTS (SELECT 1 FROM sirse.servizi s WHERE s.ambito = c.ambito AND s.anno = y.y)"""),
    "quota_posti_pubblici": ("comune", 100, "SELECT codice_istat AS u, anno AS y, coalesce(sum(posti) FILTER (titolarita = 'pubblica'), 0) AS n, sum(posti) AS d FROM sirse.posti GROUP BY ALL"),
    "pronto_intervento_h24": ("ambito", 100, PLANNED.format("prov-pronto_intervento", "ore_copertura", "24 * date_diff('day', make_date(anno, 1, 1), make_date(anno + 1, 1, 1))")),
    "tempo_risposta": ("ambito", None, """
        SELECT ambito AS u, year(segnalata_il) AS y, date_diff('second', segnalata_il, contatto_il) // 60 AS v FROM sigess.emergenze JOIN y ON segnalata_il::DATE BETWEEN lo AND hi WHERE contatto_il IS NOT NULL"""),
    "punti_accesso": ("ambito", 50000, f"""
        SELECT i.*, r.r AS d FROM ({PLANNED.format('prov-segretariato_pua', 'punti_accesso', '0').replace('0 AS d', 'count(*) AS righe')}) i JOIN ({PER_DISTRICT.format('tutti')}) r ON r.a = i.u AND r.y = i.y"""),
    "esito_accesso": ("comune", 100, """
        SELECT codice_istat AS u, year(data_accesso) AS y, count(*) FILTER (esito IS NOT NULL AND date_diff('day', data_accesso, data_esito) <= 30) AS n, count(*) AS d
        FROM sigess.accessi JOIN y ON data_accesso BETWEEN lo AND hi GROUP BY ALL"""),
    "valutazione_multidimensionale": ("ambito", 100, """
        SELECT k.ambito AS u, y.y, count(DISTINCT k.id_persona) FILTER (EXISTS (SELECT 1 FROM sigess.valutazioni v WHERE v.id_caso = k.id_caso AND v.ambito = k.ambito AND v.data_valutazione <= y.hi)) AS n, count(DISTINCT k.id_persona) AS d
        FROM sigess.casi k, y WHERE k.complesso AND k.data_apertura <= y.hi AND coalesce(k.data_chiusura, DATE '9999-12-31') >= y.lo GROUP BY ALL"""),
    "casi_con_piano": ("comune", 100, """
        SELECT k.codice_istat AS u, y.y, count(*) FILTER (EXISTS (SELECT 1 FROM sigess.piani_individuali p WHERE p.id_caso = k.id_caso AND p.ambito = k.ambito AND y.hi BETWEEN p.valido_dal AND p.valido_al AND coalesce(p.data_chiusura, DATE '9999-12-31') > y.hi)) AS n, count(*) AS d
        FROM sigess.casi k, y WHERE k.data_apertura <= y.hi AND coalesce(k.data_chiusura, DATE '9999-12-31') > y.hi GROUP BY ALL"""),
    "giorni_accesso_piano": ("ambito", None, """
        SELECT k.ambito AS u, year(min(p.data_firma)) AS y, date_diff('day', any_value(s.data_accesso), min(p.data_firma)) AS v
        FROM sigess.casi k JOIN sigess.accessi s USING (ambito, id_scheda) JOIN sigess.piani_individuali p USING (ambito, id_caso) GROUP BY k.ambito, k.id_caso HAVING min(p.data_firma) <= DATE '%s'""" % REFERENCE),
    "adi_primo_incontro": ("ambito", 100, """
        SELECT ambito AS u, year(least(coalesce(data_primo_incontro, data_pad + 120), data_pad + 120)) AS y, count(*) FILTER (data_primo_incontro - data_pad <= 120) AS n, count(*) AS d
        FROM sigess.casi WHERE nucleo_adi AND least(coalesce(data_primo_incontro, data_pad + 120), data_pad + 120) <= DATE '%s' GROUP BY ALL HAVING y >= 2024""" % REFERENCE),
    "adi_patti": ("ambito", 100, """
        SELECT ambito AS u, y.y, count(*) FILTER (data_patto <= y.hi) AS n, count(*) AS d
        FROM sigess.casi, y WHERE nucleo_adi AND data_primo_incontro <= y.hi AND coalesce(data_chiusura, DATE '9999-12-31') > y.hi AND y.y >= 2024 GROUP BY ALL"""),
    "dimissioni_protette": ("ambito", 100, """
        SELECT ambito AS u, year(dimissione) AS y, count(*) FILTER (date_diff('microsecond', dimissione, attivazione) <= 48 * 3600000000) AS n, count(*) AS d
        FROM sigess.interventi JOIN y ON dimissione::DATE BETWEEN lo AND hi WHERE codice_voce = 'prov-dimissioni_protette' AND y.y >= 2022 GROUP BY ALL"""),
    "supervisione": ("ambito", 100, "SELECT ambito AS u, anno AS y, coalesce(sum(persone_supervisione), 0) AS n, sum(persone) AS d FROM piani_zona.risorse_umane WHERE profilo = 'assistente_sociale' AND anno >= 2022 GROUP BY ALL"),
    "famiglie_pippi": ("ambito", 100, """
        SELECT t.ambito AS u, t.y, (SELECT count(DISTINCT id_caso) FROM sigess.interventi i WHERE i.ambito = t.ambito AND i.ciclo_pippi = t.y AND i.esito = 'concesso') AS n, 10 AS d
        FROM (SELECT DISTINCT ambito, year(data_richiesta) AS y FROM sigess.interventi) t WHERE t.y >= 2022"""),
    "minori_fuori_famiglia": ("comune", 1000, f"""
        SELECT r.codice_istat AS u, r.y, (SELECT count(DISTINCT id_persona) FROM sigess.interventi i, y WHERE y.y = r.y AND i.codice_istat = r.codice_istat AND i.codice_voce IN ('prov-affido', 'prov-residenze_minori')
          AND y.hi BETWEEN i.data_inizio AND coalesce(i.data_fine, DATE '9999-12-31')) AS n, r.minori AS d
        FROM ({COVERED.format('SELECT DISTINCT ambito AS a, year(data_richiesta) AS y FROM sigess.interventi')}) r"""),
    "residenza_fittizia": ("ambito", 100, PLANNED.format("prov-residenza_fittizia", "comuni_attivi", "(SELECT count(*) FROM territorio.comuni c WHERE c.ambito = interventi_programmati.ambito)")),
    "progetti_dopo_di_noi": ("ambito", 100, """
        WITH progetti AS (SELECT DISTINCT ambito, y.y, id_persona FROM sigess.piani_individuali, y WHERE tipo IN ('dopo_di_noi', 'vita_indipendente') AND budget_finanziato AND y.hi BETWEEN valido_dal AND valido_al AND coalesce(data_chiusura, DATE '9999-12-31') > y.hi),
        gravi AS (SELECT DISTINCT k.ambito, y.y, k.id_persona FROM sigess.casi k, y WHERE k.utenza = 'disabili' AND coalesce(k.data_chiusura, DATE '9999-12-31') > y.hi
          AND EXISTS (SELECT 1 FROM sigess.valutazioni v WHERE v.id_caso = k.id_caso AND v.ambito = k.ambito AND v.livello LIKE 'grav%' AND v.data_valutazione <= y.hi))
        SELECT ambito AS u, y, count(*) FILTER (progetto) AS n, count(*) AS d
        FROM (SELECT ambito, y, id_persona, bool_or(progetto) AS progetto FROM (SELECT *, true AS progetto FROM progetti UNION ALL SELECT *, false FROM gravi) GROUP BY ALL) GROUP BY ALL"""),
    "assistenza_domiciliare": ("comune", 100, SERVED.format("prov-assistenza_domiciliare", "q.anno_nascita <= s.y - 65", "anziani")),
    "ore_assistenza_domiciliare": ("ambito", 1, f"WITH e AS ({DELIVERED.format('prov-assistenza_domiciliare')}) SELECT ambito AS u, year(data_inizio) AS y, coalesce(sum(ore), 0) AS n, count(DISTINCT id_persona) AS d FROM e GROUP BY ALL"),
    "educativa_domiciliare": ("comune", 1000, SERVED.format("prov-educativa_domiciliare", "q.anno_nascita > s.y - 18", "minori")),
    "posti_strutture": ("comune", 1000, f"""
        WITH ultimi AS (SELECT y.y, y.hi, p.codice_struttura, p.codice_istat, arg_max(p.posti_autorizzati, p.data_rilevazione) AS posti
          FROM assa.posti p, y WHERE p.data_rilevazione <= y.hi AND p.tipo_posto LIKE '%residenziale' GROUP BY y.y, y.hi, p.codice_struttura, p.codice_istat, p.tipo_posto, p.utenza),
        aperti AS (SELECT l.* FROM ultimi l WHERE EXISTS (SELECT 1 FROM assa.stati s WHERE s.codice_struttura = l.codice_struttura AND s.asse = 'autorizzazione' AND s.stato IN ('autorizzata', 'diffidata') AND s.dal <= l.hi AND coalesce(s.al, DATE '9999-12-31') > l.hi))
        SELECT r.codice_istat AS u, r.y, (SELECT coalesce(sum(posti), 0) FROM aperti a WHERE a.codice_istat = r.codice_istat AND a.y = r.y) AS n, r.tutti AS d
        FROM ({COVERED.format('SELECT DISTINCT q.ambito AS a, y.y FROM assa.posti q JOIN y ON q.data_rilevazione <= y.hi')}) r"""),
    "avanzamento_piano": ("ambito", 100, "SELECT ambito AS u, anno AS y, coalesce(sum(importo) FILTER (fase = 'impegnato'), 0) AS n, coalesce(sum(importo) FILTER (fase = 'programmato'), 0) AS d FROM piani_zona.importi GROUP BY ALL"),
}
LEVELS = {"comune": "u", "ambito": "a", "asl": "asl", "provincia": "sigla_provincia", "regione": "'lazio'"}
MINIMUM = {"tempo_risposta": 5, "giorni_accesso_piano": 5, "valutazione_multidimensionale": 5, "casi_con_piano": 5}
PUBLIC = ["assistenti_sociali", "copertura_nido", "comuni_con_servizio", "quota_posti_pubblici", "pronto_intervento_h24", "punti_accesso", "supervisione", "residenza_fittizia", "posti_strutture", "avanzamento_piano"]


def judge(data):
    """DuckDB over the current rows of every input, with years and residents worked out here."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for dataset in DATASETS:
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset.split('.')[0]}")
        if base := oracle.current(data, dataset):
            db.execute(f"CREATE TABLE {dataset} AS SELECT * FROM {base}")
    years = [(y, datetime.date(y, 1, 1), min(datetime.date(y, 12, 31), REFERENCE)) for y in range(2016, REFERENCE.year + 1)]
    db.execute("CREATE TABLE y(y BIGINT, lo DATE, hi DATE)")
    db.executemany("INSERT INTO y VALUES (?, ?, ?)", years)
    known = [y for (y,) in db.execute("SELECT DISTINCT anno FROM territorio.popolazione ORDER BY 1").fetchall()]
    used = {y: max([k for k in known if k <= y], default=min(known)) for y, *_ in years}
    db.execute("CREATE TABLE used(y BIGINT, k BIGINT)")
    db.executemany("INSERT INTO used VALUES (?, ?)", list(used.items()))
    db.execute("""CREATE TABLE p AS SELECT codice_istat, y, sum(totale) AS tutti, coalesce(sum(totale) FILTER (eta < 18), 0) AS minori, coalesce(sum(totale) FILTER (eta > 64), 0) AS anziani,
        sum(totale * CASE eta WHEN 0 THEN 9 WHEN 1 THEN 12 WHEN 2 THEN 12 ELSE 0 END) / 12.0::DECIMAL(4,1) AS nido FROM territorio.popolazione JOIN used ON k = anno GROUP BY ALL""")
    return db


def expected(db, name):
    """{(level, code, year): (numerator, denominator, value)} of one indicator."""
    unit, factor, sql = INDICATORS[name]
    place = "codice_istat" if unit == "comune" else "ambito"
    db.execute(f"CREATE OR REPLACE TABLE base AS SELECT * FROM ({sql}) SEMI JOIN y USING (y)")
    db.execute(f"CREATE OR REPLACE TABLE place AS SELECT DISTINCT {place} AS u, ambito AS a, asl, sigla_provincia FROM territorio.comuni")
    found = {}
    for level, code in list(LEVELS.items())[0 if unit == "comune" else 1:]:
        if factor is None:
            rows = db.execute(f"SELECT {code} AS c, y, NULL, count(*), quantile_cont(v, 0.5) FROM base JOIN place USING (u) GROUP BY c, y").fetchall()
        else:
            rows = db.execute(f"SELECT {code} AS c, y, sum(n), sum(d), NULL FROM base JOIN place USING (u) GROUP BY c, y").fetchall()
        for c, y, n, d, v in rows:
            value = v if factor is None else (decimal.Decimal(str(n)) * factor / decimal.Decimal(str(d)) if d else None)
            found[level, c, y] = (n, d, None if d < MINIMUM.get(name, 1) else value)
    return found


def computed(data, name):
    """The same from the service's own table, with the rest of the row."""
    sql = oracle.current(data, f"leps.{name}")
    assert sql, f"leps.{name} is empty"
    rows = duckdb.connect().sql(f"SELECT * FROM {sql}").to_arrow_table().to_pylist()
    return {(r["livello"], r["codice"], r["anno"]): r for r in rows}


def close(a, b, by):
    return (a is None) == (b is None) and (a is None or abs(float(a) - float(b)) <= by)


@pytest.fixture(scope="module")
def duck(lake):
    return judge(lake)


@pytest.mark.parametrize("name", INDICATORS)
def test_an_indicator_is_what_duckdb_finds(lake, duck, name):
    wanted, got = expected(duck, name), computed(lake, name)
    assert wanted, "the region has no data for it"
    assert set(got) == set(wanted), sorted(set(got) ^ set(wanted), key=str)[:10]
    wrong = []
    for key, (n, d, value) in wanted.items():
        row = got[key]
        if not (INDICATORS[name][1] is None or close(row["numeratore"], n, 0.0002)) or not close(row["denominatore"], d, 0.0002) or not close(row["valore"], value, 0.00006):
            wrong.append((key, (n, d, value), (row["numeratore"], row["denominatore"], row["valore"])))
    assert not wrong, wrong[:5]
    for row in got.values():
        assert row["riferimento"] == min(datetime.date(row["anno"], 12, 31), REFERENCE)
        assert 0 < row["completezza"] <= 100 and row["formula"] == "1" and set(json.loads(row["ingressi"])) <= set(DATASETS)


def test_the_contribution_follows_the_law(lake):
    rows = computed(lake, "assistenti_sociali")
    D, seen = decimal.Decimal, set()
    for (level, _, year), row in rows.items():
        seen.add(row["stato"])
        if level != "ambito":
            below = sum(r["contributo"] for (l, c, y), r in rows.items() if l == "ambito" and y == year) if level == "regione" else None
            assert below is None or row["contributo"] == below
            continue
        staff, people = row["numeratore"], row["denominatore"]
        first = max(min(staff, people / 5000) - people / 6500, D(0)) * 40000
        second = max(min(staff, people / 4000) - people / 5000, D(0)) * 20000
        assert abs(row["contributo"] - (first + second)) < D("0.01"), row
        ratio = people / staff if staff else D("Infinity")
        state = "obiettivo_di_servizio" if ratio <= 4000 else "lep_raggiunto" if ratio <= 5000 else "in_avvicinamento" if ratio <= 6500 else "sotto_soglia"
        assert row["stato"] == state
    assert len(seen) > 1


def get(server, path, account=None):
    """Status and body of a GET."""
    request = urllib.request.Request(server.http + path)
    if account:
        request.add_header("Authorization", f"Bearer {server.token(account)}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_who_sees_what(server):
    status, body = get(server, "/api/v1/leps")
    assert status == 200 and sorted(i["name"].removeprefix("leps.") for i in body["indicators"]) == sorted(PUBLIC)
    assert all(i["region"] and i["title"]["it"] and i["title"]["en"] and i["legal_basis"] for i in body["indicators"])
    assert [i["id"] for i in get(server, "/api/v1/leps", "pianificatore")[1]["indicators"]] == [f"LEPS-{n:02}" for n in range(1, 25)]
    assert get(server, "/api/v1/leps/esito_accesso")[0] == 404 and get(server, "/api/v1/leps/nessuno")[0] == 404
    assert get(server, "/api/v1/leps/esito_accesso?anno=x", "pianificatore")[0] == 400
    rows = lambda account: get(server, "/api/v1/leps/esito_accesso", account)[1]["rows"]
    places = {"distretto_rm_5_1": lambda r: r["livello"] == "regione" or r["ambito"] == "RM 5.1",
              "comune_058120": lambda r: (r["livello"], r["codice"]) in {("regione", "lazio"), ("ambito", "RM 3.1"), ("comune", "058120")}}
    every = rows("pianificatore")
    for account, own in places.items():
        assert rows(account) == [r for r in every if own(r)] and {r["livello"] for r in rows(account)} == {"regione", "ambito", "comune"}


def test_every_door_gives_the_same_figure(server):
    status, body = get(server, "/api/v1/leps/assistenti_sociali?livello=regione&anno=2025")
    assert status == 200 and body["count"] == 1
    row = body["rows"][0]
    with psycopg.connect(host="127.0.0.1", port=server.postgres.rsplit(":", 1)[1], dbname="siss", user="pianificatore", password=server.password, sslmode="require") as db:
        found = db.execute("SELECT valore, contributo, stato FROM leps.assistenti_sociali WHERE livello = 'regione' AND anno = 2025").fetchone()
    assert (float(found[0]), float(found[1]), found[2]) == (float(row["valore"]), float(row["contributo"]), row["stato"])


def correction(data, sender, year):
    """A delivery of piani_zona.risorse_umane by one district: one line of its own, changed."""
    sql = oracle.current(data, "piani_zona.risorse_umane")
    line = duckdb.connect().sql(f"""SELECT * FROM {sql} WHERE ambito = '{sender}' AND anno = {year} AND profilo = 'assistente_sociale' AND contratto = 'indeterminato'
        AND tipo_ente <> 'terzo_settore' AND ore_settimanali >= 20 ORDER BY ente LIMIT 1""").to_arrow_table().to_pylist()[0]
    line = {k: v for k, v in line.items() if k not in ("id_consegna", "riga_consegna", "mittente", "periodo", "registrato_dal", "registrato_al")}
    line["ore_settimanali"] -= 18
    line["tempo_pieno"] = (line["ore_settimanali"] / 36).quantize(decimal.Decimal("0.01"))
    text = lambda v: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)
    return (",".join(line) + "\n" + ",".join('"%s"' % text(v) for v in line.values()) + "\n").encode()


def test_a_late_correction_changes_exactly_what_it_must(siss, lake, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(lake, data)
    before = {name: computed(data, name) for name in INDICATORS}
    file = tmp_path / "risorse.csv"
    file.write_bytes(correction(data, "RM 5.1", 2024))
    with serving(data) as server:
        path = "/api/v1/leps/assistenti_sociali?livello=ambito&codice=RM%205.1&anno=2024"
        old = get(server, path)[1]["rows"][0]
        began = time.monotonic()
        done = siss("deliver", file, "--dataset", "piani_zona.risorse_umane", "--sender", "RM 5.1", "--period", "2024", "--data", data)
        assert done.returncode == 0, done.stdout + done.stderr
        while (new := get(server, path)[1]["rows"][0])["valore"] == old["valore"]:
            assert time.monotonic() - began < 30, "the indicator did not follow"
            time.sleep(0.05)
        # Before the lake was made nothing was known. What is known today is the corrected value. Strangers see no history.
        versions = get(server, f"/api/v1/datasets/leps/assistenti_sociali/rows?history=true&livello=ambito&codice=RM%205.1&anno=2024&sort=registrato_dal", "pianificatore")[1]["rows"]
        day_before = datetime.date.fromisoformat(versions[0]["registrato_dal"][:10]) - datetime.timedelta(days=1)
        assert get(server, f"{path}&as_of={day_before}", "pianificatore")[1]["rows"] == []
        today = get(server, f"{path}&as_of={datetime.datetime.now(datetime.UTC).date()}", "pianificatore")[1]["rows"]
        assert [r["valore"] for r in today] == [new["valore"]]
        assert [r["valore"] for r in versions] == [old["valore"], new["valore"]] and versions[0]["registrato_al"] == versions[1]["registrato_dal"]
    touched = {("ambito", "RM 5.1", 2024), ("asl", "Roma 5", 2024), ("provincia", "RM", 2024), ("regione", "lazio", 2024)}
    for name in INDICATORS:
        after = computed(data, name)
        changed = {key for key in after.keys() | before[name].keys() if before[name].get(key) != after.get(key)}
        assert changed == (touched if name == "assistenti_sociali" else set()), name
    wanted = expected(judge(data), "assistenti_sociali")
    assert all(close(row["valore"], wanted[key][2], 0.00006) for key, row in computed(data, "assistenti_sociali").items())
    # A pass without a change writes nothing, also by another process. The server may have ended before it saw what the delivery means for the debt.
    siss("derive", "--data", data)
    again = siss("derive", "--data", data)
    assert again.returncode == 0 and again.stdout == "", again.stdout + again.stderr

"""Pages about figures and places, as a browser without script gets them: their numbers against DuckDB over the same files, who sees what,
and what happens with addresses that nobody should write."""

import csv
import decimal
import html.parser
import io
import re

import duckdb
import pytest
import requests

import oracle

HOSTILE = ["'", "' OR 1=1 --", "%00", "<script>alert(1)</script>", "../../etc/passwd", "\u202e", "x" * 5000, "-1", "1e309", "NaN"]


class Page(html.parser.HTMLParser):
    """Rows of each table (by id), the values of `<data>` (by id), links, and all words."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.data, self.links, self.ids, self.words = {}, {}, [], set(), []
        self.table = self.cell = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        if tag == "table":
            self.table = self.tables.setdefault(attrs.get("id", len(self.tables)), [])
        if tag == "tr" and self.table is not None:
            self.table.append([])
        if tag in ("td", "th") and self.table is not None:
            self.cell = []
        if tag == "data":
            if self.cell is not None:
                self.cell.append(("value", attrs.get("value")))
            self.data[attrs.get("id")] = attrs.get("value")
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            exact = [text for part in self.cell if isinstance(part, tuple) for text in part[1:]]
            self.table[-1].append(exact[0] if exact else " ".join("".join(part for part in self.cell if isinstance(part, str)).split()))
            self.cell = None
        if tag == "table":
            self.table = None

    def handle_data(self, text):
        self.words.append(text)
        if self.cell is not None:
            self.cell.append(text)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def csvreader(text):
    return csv.DictReader(io.StringIO(text))


@pytest.fixture(scope="module")
def ask(server):
    def ask(path, account=None, status=200, page=True, **more):
        auth = (account, server.password) if account else None
        headers = {"accept": "text/html"} if page else {}
        answer = requests.get(server.http + path, auth=auth, timeout=60, headers=headers, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-600:])
        return Page(answer.text) if page else answer

    return ask


@pytest.fixture(scope="module")
def duck(server):
    """DuckDB in which `area.name` is every current row of the lake."""
    db = duckdb.connect()
    for name in ["territorio.comuni", "territorio.popolazione", "sirse.servizi", "assa.strutture", "piani_zona.residui", "piani_zona.importi", "leps.copertura_nido", "leps.casi_con_piano"]:
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM {oracle.current(server.data, name)}")
    return db


# The explorer.


def explored(page, groups):
    """The table's rows: groups, then numbers."""
    head, *rows = page.tables["tabella"]
    number = lambda cell: None if cell in ("–", "") else float(cell)
    return head, [(*row[:groups], *map(number, row[groups:])) for row in rows]


@pytest.mark.parametrize(
    "address, groups, sql",
    [
        ("dataset=sirse.servizi&misura=count&gruppo=ambito&gruppo=anno", 2, "SELECT ambito, anno::VARCHAR, count(*) FROM sirse.servizi GROUP BY ALL"),
        ("dataset=sirse.servizi&misura=sum&colonna=posti_autorizzati&gruppo=ambito&filtro_colonna=anno&filtro_op=gte&filtro_valore=2024", 1,
         "SELECT ambito, sum(posti_autorizzati) FROM sirse.servizi WHERE anno >= 2024 GROUP BY ALL"),
        ("dataset=sirse.servizi&misura=distinct&colonna=codice_istat&gruppo=anno", 1, "SELECT anno::VARCHAR, count(DISTINCT codice_istat) FROM sirse.servizi GROUP BY ALL"),
        ("dataset=sirse.servizi&misura=avg&colonna=ore_giornaliere&gruppo=anno", 1, "SELECT anno::VARCHAR, avg(ore_giornaliere) FROM sirse.servizi GROUP BY ALL"),
        ("dataset=territorio.comuni&misura=max&colonna=superficie_kmq&gruppo=asl", 1, "SELECT asl, max(superficie_kmq) FROM territorio.comuni GROUP BY ALL"),
        ("dataset=assa.strutture&misura=count&gruppo=data_attivazione:anno", 1,
         "SELECT year(data_attivazione)::VARCHAR, count(*) FROM assa.strutture WHERE NOT indirizzo_riservato AND data_cessazione IS NULL GROUP BY ALL"),
    ],
)
def test_the_explorer_finds_what_duckdb_finds(ask, duck, address, groups, sql):
    page = ask(f"/esplora?{address}")
    _, rows = explored(page, groups)
    rows = rows[:-1]  # The last is of all rows together.
    expected = sorted(tuple(None if v is None else (v if isinstance(v, str) else float(v)) for v in row) for row in duck.execute(sql).fetchall())
    found = sorted(rows)
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected):
        assert mine[:groups] == theirs[:groups]
        assert mine[groups] == pytest.approx(theirs[groups], abs=1e-4)


def test_a_column_across_and_the_file_say_the_same(ask, duck):
    address = "dataset=sirse.servizi&misura=sum&colonna=posti_autorizzati&gruppo=anno&perno=titolarita"
    page = ask(f"/esplora?{address}")
    head, rows = explored(page, 1)
    expected = duck.execute("""SELECT anno::VARCHAR, sum(posti_autorizzati) FILTER (titolarita = 'privata'), sum(posti_autorizzati) FILTER (titolarita = 'pubblica'),
        sum(posti_autorizzati) FROM sirse.servizi GROUP BY anno ORDER BY anno""").fetchall()
    assert [row[0] for row in rows[:-1]] == [row[0] for row in expected]
    assert [row[1:] for row in rows[:-1]] == [tuple(map(float, row[1:])) for row in expected]
    file = ask(f"/esplora/risultato.json?{address}", page=False).json()
    assert file["complete"] and [c["name"] for c in file["columns"]] == ["anno", "privata", "pubblica", "tutti"]
    assert [(str(r["anno"]), r["privata"], r["pubblica"], r["tutti"]) for r in file["rows"]] == [tuple(r) for r in expected]
    assert len(ask(f"/esplora/risultato.csv?{address}", page=False).text.splitlines()) == len(expected) + 1
    svg = ask(f"/esplora/grafico.svg?{address}", page=False)
    assert svg.headers["content-type"] == "image/svg+xml; charset=utf-8" and "<svg" in svg.text


def test_sums_are_right_to_the_cent(ask, duck):
    page = ask("/esplora?dataset=piani_zona.importi&misura=sum&colonna=importo&gruppo=ambito&perno=fase&dati=miei", "pianificatore")
    head, *rows, total = page.tables["tabella"]
    expected = duck.execute("SELECT ambito, sum(importo)::VARCHAR FROM piani_zona.importi GROUP BY ambito ORDER BY ambito").fetchall()
    assert [(row[0], row[-1]) for row in rows] == expected
    assert total[-1] == duck.execute("SELECT sum(importo)::VARCHAR FROM piani_zona.importi").fetchone()[0]
    assert sum(decimal.Decimal(cell) for cell in total[1:-1]) == decimal.Decimal(total[-1])


def test_a_long_answer_says_how_much_of_it_is_shown(ask, duck):
    address = "dataset=sirse.servizi&misura=sum&colonna=posti_autorizzati&gruppo=codice_servizio&gruppo=anno&gruppo=tipo"
    size, places = duck.execute("SELECT count(*), sum(posti_autorizzati) FROM sirse.servizi").fetchone()
    page = ask(f"/esplora?{address}&lang=it")
    shown = len(page.tables["tabella"]) - 2
    assert shown < size
    assert f"prime {shown:,} righe di {size:,}".replace(",", ".") in page.text
    assert int(page.tables["tabella"][-1][-1]) == places
    file = ask(f"/esplora/risultato.csv?{address}", page=False).text.splitlines()
    assert len(file) == size + 1


def test_a_ratio_is_not_added(ask):
    base = "dataset=leps.copertura_nido&misura=sum&gruppo=codice"
    fixed = "&filtro_colonna=livello&filtro_op=eq&filtro_valore=ambito&filtro_colonna=anno&filtro_op=eq&filtro_valore=2025"
    assert "rapporto" in ask(f"/esplora?{base}&colonna=valore{fixed}&lang=it", status=400).text
    assert "più livelli" in ask(f"/esplora?{base}&colonna=numeratore&lang=it", status=400).text
    assert "several years" in ask(f"/esplora?{base}&colonna=numeratore&filtro_colonna=livello&filtro_op=eq&filtro_valore=ambito&lang=en", status=400).text
    ask(f"/esplora?{base}&colonna=numeratore{fixed}")


def test_a_shared_address_shows_the_same_to_all_unless_it_says_otherwise(ask):
    address = "dataset=sirse.servizi&misura=count&gruppo=ambito"
    stranger = ask(f"/esplora?{address}").tables["tabella"]
    for account in ["comune_058120", "pianificatore"]:
        assert ask(f"/esplora?{address}", account).tables["tabella"] == stranger
    own = ask(f"/esplora?{address}&dati=miei", "comune_058120").tables["tabella"]
    assert {row[0] for row in own[1:-1]} == {"RM 3.1"}
    ask(f"/esplora?{address}&dati=miei", status=401)
    # Hidden and absent are the same nothing.
    for name in ["sigess.accessi", "sigess.inventato"]:
        ask(f"/esplora?dataset={name}", status=404)
        ask(f"/esplora?dataset={name}&dati=miei", "ispettore", status=404)
    ask("/esplora?dataset=sigess.accessi&misura=count&gruppo=ambito&dati=miei", "pianificatore")


# Indicators.


def test_the_list_and_the_page_show_the_region_and_its_places(ask, duck):
    year, value = duck.execute("SELECT anno, valore FROM leps.copertura_nido WHERE livello = 'regione' AND valore IS NOT NULL ORDER BY anno DESC LIMIT 1").fetchone()
    rows = {row[0].split(" LEPS")[0]: row for row in next(iter(ask("/indicatori?lang=it").tables.values()))}
    nido = next(row for name, row in rows.items() if name.startswith("Copertura dei servizi educativi"))
    assert (int(nido[1]), float(nido[2])) == (year, pytest.approx(float(value)))
    for level in ["comune", "ambito", "asl", "provincia", "regione"]:
        page = ask(f"/indicatore/copertura_nido?livello={level}&anno={year}&lang=it")
        expected = duck.execute("SELECT valore FROM leps.copertura_nido WHERE livello = ? AND anno = ?", [level, year]).fetchall()
        shown = [row[1] for row in page.tables["valori"][1:]]
        assert sorted(float(v) for v in shown if v != "–") == pytest.approx(sorted(float(v) for (v,) in expected if v is not None))
        assert len(shown) == len(expected)
    page = ask("/indicatore/copertura_nido?lang=it")
    for said in ["L. 234/2021", "28,88", "33", "Copertura", "sirse.posti", "Posti equivalenti dell'anno educativo"]:
        assert said in page.text, said
    svg = ask(f"/indicatore/copertura_nido/mappa.svg?livello=comune&anno={year}", page=False)
    assert svg.headers["content-type"] == "image/svg+xml; charset=utf-8" and "Fiumicino" in svg.text
    ask(f"/indicatore/copertura_nido/mappa.svg?livello=regione&anno={year}", page=False, status=404)
    # The files hold what the table shows.
    link = next(link for link in page.links if "/rows.csv?" in link)
    file = list(csvreader(ask(link, page=False).text))
    assert sorted(row["codice"] for row in file) == sorted(code for (code,) in duck.execute("SELECT codice FROM leps.copertura_nido WHERE livello = 'ambito' AND anno = ?", [year]).fetchall())


def test_indicators_of_persons_are_for_those_entitled(ask, duck):
    ask("/indicatore/casi_con_piano", status=404)
    ask("/indicatore/inventato", status=404)
    assert ask("/indicatore/casi_con_piano", status=404).text == ask("/indicatore/inventato", status=404).text
    assert "/indicatore/casi_con_piano" not in ask("/indicatori").links
    assert "/indicatore/casi_con_piano" in ask("/indicatori", "pianificatore").links
    year = duck.execute("SELECT max(anno) FROM leps.casi_con_piano WHERE livello = 'ambito'").fetchone()[0]
    own = ask(f"/indicatore/casi_con_piano?livello=ambito&anno={year}", "distretto_rm_5_1").tables["valori"]
    assert [row[0].split(" (")[0] for row in own[1:]] == ["RM 5.1"]
    planner = ask(f"/indicatore/casi_con_piano?livello=ambito&anno={year}", "pianificatore").tables["valori"]
    assert len(planner) - 1 == duck.execute("SELECT count(*) FROM leps.casi_con_piano WHERE livello = 'ambito' AND anno = ?", [year]).fetchone()[0]


# Territory.


@pytest.mark.parametrize("place, column, code", [("058120", "codice_istat", "058120"), ("rm-5.1", "ambito", "RM 5.1"), ("roma", "ambito", "ROMA")])
def test_a_place_on_one_page(ask, duck, place, column, code):
    page = ask(f"/territorio/{place}?lang=it")
    people = duck.execute(f"SELECT sum(totale) FROM territorio.popolazione WHERE {column} = ? AND anno = (SELECT max(anno) FROM territorio.popolazione)", [code]).fetchone()[0]
    assert int(page.data["residenti"]) == people
    value = duck.execute("SELECT valore FROM leps.copertura_nido WHERE codice = ? AND valore IS NOT NULL ORDER BY anno DESC LIMIT 1", [code]).fetchone()
    nido = [row for row in page.tables["indicatori"] if row[0].startswith("Copertura")]
    assert [float(row[2]) for row in nido] == ([pytest.approx(float(value[0]))] if value else [])
    facilities, places = duck.execute(f"SELECT count(*), coalesce(sum(posti), 0) FROM assa.strutture WHERE {column} = ? AND NOT indirizzo_riservato AND data_cessazione IS NULL", [code]).fetchone()
    dotted = lambda n: f"{n:,}".replace(",", ".")
    assert (f"{dotted(facilities)} strutture, {dotted(places)} posti" in page.text) == (facilities > 0)


def test_money_and_debts_are_for_those_entitled(ask, duck):
    expected = duck.execute("SELECT anno, sum(programmato), sum(impegnato), sum(rendicontato), sum(libero) FROM piani_zona.residui WHERE ambito = 'RM 5.1' GROUP BY anno ORDER BY anno").fetchall()
    for account in ["pianificatore", "distretto_rm_5_1"]:
        rows = ask("/territorio/rm-5.1", account).tables["piano"][1:]
        assert [(int(row[0]), *map(float, row[1:])) for row in rows] == [(year, *map(float, sums)) for year, *sums in expected]
    for account in [None, "comune_058120"]:
        page = ask("/territorio/rm-5.1?lang=it", account)
        assert "piano" not in page.tables and "/indicatore/avanzamento_piano?lang=it" in page.links
    assert "Consegne dovute" in ask("/territorio/058120?lang=it", "comune_058120").text
    assert "Consegne dovute" not in ask("/territorio/058120?lang=it").text


def test_places_are_found_by_name(ask):
    assert "/territorio/058120" in ask("/territorio?q=fiumicin").links
    assert "/territorio/058120" in ask("/territorio?q=Fiumicinio").links
    assert "/territorio/rm-5.1" in ask("/territorio?q=rm+5.1").links[:40]
    assert "/territorio/rm-5.1" in ask("/territorio").links
    assert "/territorio/058120" in ask("/cerca?q=nidi+fiumicino").links
    assert "/indicatore/copertura_nido" in ask("/cerca?q=copertura+nidi").links
    assert "/esplora?dataset=sirse.servizi" in ask("/dataset/sirse/servizi").links
    ask("/territorio/000000", status=404)
    ask("/territorio/rm-99", status=404)


# The finder.


def test_a_citizen_finds_a_nido(ask, duck):
    page = ask("/mappa?q=Fiumicino&raggio=5&lang=it")
    mine = {row[0] for row in duck.execute("""SELECT codice_servizio FROM sirse.servizi WHERE codice_istat = '058120' AND anno = (SELECT max(anno) FROM sirse.servizi WHERE codice_istat = '058120')""").fetchall()}
    data = ask("/mappa/servizi.geojson?q=Fiumicino&raggio=5", page=False).json()
    inside = [f["id"] for f in data["features"] if f["properties"]["codice_istat"] == "058120"]
    assert data["complete"] and set(inside) == mine and mine
    # The town's own come first, and the list shows what the map does.
    assert {f["id"] for f in data["features"][: len(mine)]} == mine
    assert mine <= page.ids or len(mine) > 20
    for f in data["features"]:
        assert f["properties"]["posizione"] == "comune"
    public = ask("/mappa/servizi.geojson?raggio=tutto&gestione=pubblica&posti=30", page=False).json()["features"]
    expected = duck.execute("""SELECT count(*) FROM sirse.servizi s WHERE titolarita = 'pubblica' AND posti_autorizzati >= 30
        AND anno = (SELECT max(anno) FROM sirse.servizi n WHERE n.codice_istat = s.codice_istat)""").fetchone()[0]
    assert len(public) == expected > 0


def test_homes_and_shelters_are_nowhere_more_exactly_than_their_town(ask, duck):
    centres = {code: (lon, lat) for code, lon, lat in duck.execute("SELECT codice_istat, longitudine, latitudine FROM territorio.comuni").fetchall()}
    hidden = {row[0] for row in duck.execute("SELECT codice_struttura FROM assa.strutture WHERE indirizzo_riservato OR data_cessazione IS NOT NULL").fetchall()}
    open_to_all = dict(duck.execute("SELECT codice_struttura, (longitudine, latitudine) FROM assa.strutture WHERE NOT indirizzo_riservato AND data_cessazione IS NULL").fetchall())
    homes = {row[0]: row[1] for row in duck.execute("SELECT codice_servizio, indirizzo FROM sirse.servizi WHERE tipo = 'nido_domestico'").fetchall()}
    assert hidden and homes
    for account in [None, "comune_058091", "ispettore"]:
        auth = {"account": account} if account else {}
        services = ask("/mappa/servizi.geojson?raggio=tutto", page=False, **auth)
        for f in services.json()["features"]:
            assert tuple(f["geometry"]["coordinates"]) == centres[f["properties"]["codice_istat"]]
            assert f["id"] not in homes or f["properties"]["indirizzo"] is None
        facilities = ask("/mappa/servizi.geojson?cosa=strutture&raggio=tutto", page=False, **auth)
        found = {f["id"]: f for f in facilities.json()["features"]}
        assert found.keys() == open_to_all.keys() and not hidden & found.keys()
        exact = {code: f for code, f in found.items() if f["properties"]["posizione"] == "esatta"}
        assert exact and all(tuple(f["geometry"]["coordinates"]) == open_to_all[code] for code, f in exact.items())
    # A home is not found by its street either.
    code, street = next((code, street) for code, street in homes.items() if street)
    found = ask("/mappa/servizi.geojson", page=False, params={"q": street, "raggio": "5", "tipo": "nido_domestico"}).json()["features"]
    assert all(f["properties"]["indirizzo"] is None for f in found)


def test_pages_lead_on_to_the_end(ask):
    address, seen, pages = "/mappa?raggio=tutto&lang=it", [], 0
    total = int(re.search(r"([\d.]+) risultati", ask(address).text).group(1).replace(".", ""))
    while address:
        page = ask(address)
        seen += [one for one in page.ids if re.fullmatch(r"E\d{6}-\d{4,8}", one)]
        pages += 1
        address = next((link for link in page.links if f"pagina={pages + 1}&" in link + "&"), None)
    assert len(seen) == len(set(seen)) == total


# Addresses that nobody should write.


@pytest.mark.parametrize("page, names", [
    ("/indicatore/copertura_nido", ["livello", "anno"]),
    ("/indicatore/copertura_nido/mappa.svg", ["livello", "anno"]),
    ("/territorio", ["q"]),
    ("/esplora", ["dataset", "gruppo", "perno", "misura", "colonna", "filtro_colonna", "ordine", "grafico", "dati"]),
    ("/mappa", ["q", "cosa", "tipo", "gestione", "posti", "raggio", "pagina", "lat"]),
])
def test_hostile_parameters_are_answered_clearly(server, page, names):
    for name in names:
        for value in HOSTILE:
            known = {"dataset": "sirse.servizi", "misura": "count"} if page == "/esplora" else {}
            answer = requests.get(server.http + page, params=known | {name: value}, headers={"accept": "text/html"}, timeout=60)
            assert answer.status_code in (200, 400, 401, 404, 414, 422, 431), (name, value[:40], answer.status_code)
            assert "<script>alert(1)" not in answer.text
            if answer.status_code != 200:
                assert "<h1>" in answer.text or answer.headers.get("content-type", "").startswith("application/problem+json")


@pytest.mark.parametrize("path", [
    "/indicatori", "/indicatore/copertura_nido", "/indicatore/copertura_nido?livello=comune", "/territorio", "/territorio/058091", "/territorio/roma",
    "/esplora?dataset=sirse.servizi&misura=count&gruppo=tipo", "/esplora?dataset=territorio.popolazione&misura=sum&colonna=totale&gruppo=codice_istat&gruppo=eta&perno=anno",
    "/mappa?q=Roma", "/mappa?raggio=tutto", "/mappa?raggio=tutto&cosa=strutture",
])
def test_every_page_stays_small_and_says_its_versions(server, path):
    for language in ["it", "en"]:
        join = "&" if "?" in path else "?"
        answer = requests.get(f"{server.http}{path}{join}lang={language}", timeout=60)
        assert answer.status_code == 200 and len(answer.content) < 150_000, len(answer.content)
        assert ("versione" if language == "it" else "version") in answer.text
        assert f'<html lang="{language}"' in answer.text
        assert "<style" not in answer.text and " style=" not in answer.text and not re.search(r"<script(?! src)", answer.text)

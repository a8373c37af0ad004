"""Dashboards: what each reader sees, and that page, picture, table, file and DuckDB over the same lake say the same numbers."""

import csv
import decimal
import html
import io
import re
import struct
import xml.etree.ElementTree as ElementTree

import oracle
import pytest
import requests
from browser import PHONE, nu

OPEN = ["assa", "leps", "risorse_finanziarie", "risorse_umane", "servizi_interventi", "sirse"]
CLOSED = ["debito_informativo", "sigess"]
# Who asks without these rights is told so panel by panel.
SPECIAL = {"sigess": {"Bisogni", "Chi accede: età e sesso"}}
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def get(server):
    """get(path, account=None, **parameters): one request, as an account or as a stranger."""
    session = requests.Session()

    def get(path, account=None, headers=None, **parameters):
        auth = (account, server.password) if account else None
        return session.get(server.http + path, auth=auth, params=parameters, headers=headers, timeout=60)

    return get


@pytest.fixture(scope="module")
def page(get):
    """page(board, account, **parameters): its text, and its panels by name, each with its table."""

    def page(board, account=None, **parameters):
        answer = get(f"/cruscotti/{board}", account, PAGE, **parameters)
        assert answer.status_code == 200, f"{board} for {account}: {answer.status_code} {answer.text[:400]}"
        return body(answer), panels(body(answer))

    return page


def body(answer):
    """The text of a page; its templates write a slash within attributes as an entity."""
    return answer.text.replace("&#x2f;", "/")


def panels(text):
    found = {}
    for figure in re.findall(r'<figure class="siss-panel" id="(\w+)">(.*?)</figure>', text, re.S):
        name, body = figure
        cell = lambda part, tag: [html.unescape(re.sub(r"<.*?>", "", c)) for c in re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", part, re.S)]
        head, rows = re.search(r"<thead>(.*?)</thead>.*?<tbody>(.*?)</tbody>", body, re.S).groups()
        rows = re.findall(r"<tr(?: data-k=\"(.*?)\")?>(.*?)</tr>", rows, re.S)
        found[name] = {
            "svg": re.search(r"<svg.*</svg>", body, re.S).group(),
            "head": cell(head, "th"),
            "rows": [(html.unescape(code), cell(row, "th")[0], cell(row, "td")) for code, row in rows],
        }
    return found


def table(answer):
    """Rows of a panel's CSV: code, label, numbers."""
    assert answer.status_code == 200, answer.text[:400]
    head, *rows = csv.reader(io.StringIO(answer.content.decode()))
    return head, [(row[0], row[1], [decimal.Decimal(c) if c else None for c in row[2:]]) for row in rows]


def number(text):
    """A number as Italians write it."""
    plain = text.replace(".", "").replace(",", ".").replace("\N{MINUS SIGN}", "-")
    return None if plain == "–" else decimal.Decimal(plain)


def shown(text):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<.*?>", " ", text)))


@pytest.mark.parametrize("account", [None, "pianificatore", "comune_058091", "ispettore"])
def test_each_reader_sees_what_is_theirs(get, page, account):
    boards = OPEN if account in (None, "ispettore") else OPEN + CLOSED
    listed = body(get("/cruscotti", account, PAGE))
    for board in OPEN + CLOSED:
        assert f"/cruscotti/{board}" in listed
        if board in boards:
            text, seen = page(board, account)
            assert len(text) < 150_000, f"{board} has {len(text)} characters"
            assert seen and all(panel["svg"].count("<title") for panel in seen.values())
            assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", text), board
            hidden = re.search(r"Questi pannelli non si vedono.*?</div>", text, re.S)
            missing = set(re.findall(r"<li>(.*?)</li>", html.unescape(hidden.group()))) if hidden else set()
            if account in ("pianificatore", "comune_058091"):
                assert missing == (SPECIAL.get(board, set()) if account == "pianificatore" else set()), f"{board} hides {missing} from {account}"
            continue
        refusal = get(f"/cruscotti/{board}", account, PAGE)
        assert refusal.status_code == 403 and "<svg class=\"siss-chart" not in refusal.text
        assert ("/accedi?da=/cruscotti/" in body(refusal).split("siss-note")[1]) == (account is None)


def test_strangers_get_no_file_of_what_is_closed(get):
    for kind in ("svg", "png", "csv"):
        assert get(f"/cruscotti/sigess/accessi.{kind}").status_code == 401
        assert get(f"/cruscotti/sigess/accessi.{kind}", "ispettore").status_code == 403
        assert get(f"/cruscotti/sigess/bisogni.{kind}", "pianificatore").status_code == 403
        assert get(f"/cruscotti/debito_informativo/per_anno.{kind}").status_code == 401
    for nothing in ("/cruscotti/nulla", "/cruscotti/sirse/nulla.svg", "/cruscotti/sirse/per_anno.gif", "/cruscotti/sirse/per_anno"):
        assert get(nothing).status_code == 404


# Board, panel, account, choice, and the same question put by hand.
FIGURES = [
    ("risorse_finanziarie", "per_anno", "pianificatore", {},
     "SELECT anno, sum(programmato), sum(impegnato), sum(rendicontato), sum(libero) FROM piani_zona.residui GROUP BY anno"),
    ("risorse_finanziarie", "per_fondo", "pianificatore", {"anno": "2024"},
     "SELECT fondo, sum(programmato), sum(impegnato), sum(rendicontato), sum(libero) FROM piani_zona.residui WHERE anno = 2024 GROUP BY fondo"),
    ("risorse_finanziarie", "per_fondo", "pianificatore", {"anno": "2024", "ambito": "RM 3.1", "utenza": "famiglia_minori"},
     "SELECT fondo, sum(programmato), sum(impegnato), sum(rendicontato), sum(libero) FROM piani_zona.residui WHERE anno = 2024 AND ambito = 'RM 3.1' AND utenza = 'famiglia_minori' GROUP BY fondo"),
    ("risorse_finanziarie", "mappa_libero", "pianificatore", {}, "SELECT ambito, sum(libero) FROM piani_zona.residui WHERE anno = 2026 GROUP BY ambito"),
    ("risorse_umane", "per_profilo", "pianificatore", {"anno": "2025"}, "SELECT profilo, sum(tempo_pieno) FROM piani_zona.risorse_umane WHERE anno = 2025 GROUP BY profilo"),
    ("risorse_umane", "per_area", None, {"anno": "2025", "ambito": "RM 3.1"},
     "SELECT area, sum(tempo_pieno), coalesce(sum(tempo_pieno) FILTER (assistente_sociale), 0) FROM piani_zona.risorse_umane WHERE anno = 2025 AND ambito = 'RM 3.1' GROUP BY area"),
    ("servizi_interventi", "utenti_per_area", "comune_058120", {"anno": "2025"},
     "SELECT macro_attivita, sum(utenti_previsti), sum(utenti_serviti) FROM piani_zona.interventi_programmati WHERE anno = 2025 GROUP BY macro_attivita"),
    ("sirse", "mappa", None, {"anno": "2025"}, "SELECT codice_istat, sum(posti_autorizzati) FROM sirse.servizi WHERE anno = 2025 GROUP BY codice_istat"),
    ("assa", "per_tipo", None, {}, "SELECT tipo, sum(posti) FROM assa.strutture WHERE year(data_attivazione) <= 2026 GROUP BY tipo"),
    ("leps", "copertura_nido", None, {"anno": "2025"}, "SELECT codice, valore, bersaglio FROM leps.copertura_nido WHERE livello = 'ambito' AND anno = 2025"),
    ("leps", "regione", None, {"anno": "2025"},
     "SELECT 'assistenti_sociali', round(100 * valore::DOUBLE / bersaglio::DOUBLE, 1), 100 FROM leps.assistenti_sociali WHERE livello = 'regione' AND anno = 2025"),
    ("sigess", "utenza", "pianificatore", {"anno": "2025"}, "SELECT utenza, count(*) FROM sigess.accessi WHERE year(data_accesso) = 2025 GROUP BY utenza"),
    ("sigess", "bisogni", "comune_058091", {"anno": "2025"}, "SELECT bisogno, count(*) FROM sigess.accessi WHERE year(data_accesso) = 2025 GROUP BY bisogno"),
    ("debito_informativo", "per_stato", "pianificatore", {}, "SELECT stato, count(*) FROM sistema.obligations WHERE year(inizio) = 2026 GROUP BY stato"),
]


@pytest.mark.parametrize(("board", "panel", "account", "choice", "sql"), FIGURES, ids=lambda v: v if isinstance(v, str) and len(v) < 30 else "")
def test_figures_are_duckdbs(server, get, board, panel, account, choice, sql):
    judge = oracle.connect(server.data, account or "anonimo", "VIEW", [re.search(r"FROM (\w+\.\w+)", sql)[1]])
    expected = {str(code or ""): [None if v is None else float(v) for v in values] for code, *values in judge.execute(sql).fetchall()}
    _, rows = table(get(f"/cruscotti/{board}/{panel}.csv", account, **choice))
    got = {code: [None if v is None else float(v) for v in values] for code, _, values in rows}
    assert expected, "the question has no rows: it would agree with anything"
    if panel == "regione":
        got = {"assistenti_sociali": got["assistenti_sociali"]}
    assert got == {code: pytest.approx(values, rel=1e-9) for code, values in expected.items()}


@pytest.mark.parametrize("board", OPEN + CLOSED)
def test_page_table_file_and_picture_say_the_same(get, page, board):
    account = "comune_058091" if board == "sigess" else "pianificatore"
    text, seen = page(board, account, lang="it")
    for name, panel in seen.items():
        choice = dict(re.findall(r"[?&;](anno|ambito|comune|utenza)=([^&\"]*)", re.search(rf'href="(/cruscotti/{board}/{name}\.csv[^"]*)"', text)[1]))
        choice = {k: requests.utils.unquote(v.replace("+", " ")) for k, v in choice.items()}
        file = get(f"/cruscotti/{board}/{name}.csv", account, lang="it", **choice)
        head, rows = table(file)
        if all(code == "" for code, *_ in panel["rows"]) and rows:
            # A histogram counts the values of its file.
            assert sum(number(cells[0]) for _, _, cells in panel["rows"]) == sum(values[0] is not None for *_, values in rows)
        else:
            by_code = {code: values for code, _, values in rows}
            assert len(by_code) == len(rows) == len(panel["rows"]), name
            for code, label, cells in panel["rows"]:
                assert [number(cell) for cell in cells] == by_code[code], f"{board}.{name}: {label}"
        picture = ElementTree.fromstring(get(f"/cruscotti/{board}/{name}.svg", account, lang="it", **choice).content)
        said = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
        if "siss-map" in panel["svg"]:
            # A map says its values in its file; on the page the table does.
            unlike = [label for _, label, cells in panel["rows"] if not any(title.startswith(f"{label}: {cells[0]}") for title in said)]
            assert not unlike, f"{board}.{name}: the map of the file has other values for {unlike[:5]}"
            continue
        inline = [html.unescape(title) for title in re.findall(r"<title[^>]*>(.*?)</title>", panel["svg"])]
        assert sorted(said) == sorted(inline), f"{board}.{name}: the file says other values than the page"


def test_a_page_is_of_one_snapshot_and_says_which(get, page):
    text, seen = page("risorse_umane", "pianificatore")
    versions = dict(re.findall(r"([a-z_]+\.[a-z_0-9]+) versione (\d+)", shown(text).split("stesso istante:")[1]))
    assert set(versions) >= {"piani_zona.risorse_umane", "leps.assistenti_sociali"}
    for panel in seen:
        header = get(f"/cruscotti/risorse_umane/{panel}.csv", "pianificatore").headers["siss-snapshot"]
        assert dict(pair.split("=") for pair in header.split(", ")).items() <= versions.items(), panel
    # Each panel leads to what it is made of.
    for panel, figure in re.findall(r'<figure class="siss-panel" id="(\w+)">(.*?)</figure>', text, re.S):
        assert re.search(r'href="/dataset/(piani_zona|leps)/\w+', figure), panel


def test_filters_are_offered_chosen_and_kept(get, page):
    text, seen = page("sigess", "pianificatore", ambito="RM 5.1")
    assert re.search(r'<option value="RM 5.1" selected', text)
    comuni = re.search(r'<select id="f-comune".*?</select>', text, re.S).group()
    assert 2 < comuni.count("<option") < 40, "the municipalities of the district chosen"
    assert "Distretto: RM 5.1" in shown(text), "what was chosen is printed"
    assert {code for code, *_ in seen["per_distretto"]["rows"]} == {"RM 5.1"}
    _, all_of_them = page("sigess", "pianificatore")
    assert len(all_of_them["per_distretto"]["rows"]) > 1
    code = re.findall(r'<option value="(\d{6})"', comuni)[0]
    _, one = page("sigess", "pianificatore", ambito="RM 5.1", comune=code)
    assert {c for c, *_ in one["mappa"]["rows"]} <= {code}


@pytest.mark.parametrize("choice", [{"anno": "1066"}, {"anno": "2025 OR 1=1"}, {"ambito": "RM' OR '1'='1"}, {"utenza": "marziani"}, {"comune": "058091", "ambito": "RM 5.1"}])
def test_a_choice_that_is_not_offered_is_refused_in_words(get, choice):
    board = "sigess" if "comune" in choice else "risorse_finanziarie"
    answer = get(f"/cruscotti/{board}", "pianificatore", **choice)
    name = next(iter(choice))
    assert answer.status_code == 400 and answer.json()["code"] == "query.parameter"
    assert f"'{name}'" in answer.json()["detail"] and f"«{name}»" in answer.json()["detail_it"]
    readable = get(f"/cruscotti/{board}", "pianificatore", PAGE, **choice)
    assert readable.status_code == 400 and f"«{name}»" in shown(readable.text)


def test_a_municipality_has_its_own_district_and_no_other(get, page):
    text, seen = page("servizi_interventi", "comune_058120", anno="2025")
    assert {code for code, *_ in seen["mappa_utenti"]["rows"]} == {"RM 3.1"}
    offered = re.findall(r'<option value="(.*?)"', re.search(r'<select id="f-ambito".*?</select>', text, re.S).group())
    assert offered == ["RM 3.1"]
    assert get("/cruscotti/servizi_interventi", "comune_058120", ambito="RM 5.1").status_code == 400
    assert get("/cruscotti/sigess/mappa.csv", "comune_058120", comune="058091").status_code == 400
    _, rows = table(get("/cruscotti/sigess/mappa.csv", "comune_058120"))
    assert {code for code, *_ in rows} == {"058120"}


def test_pictures_as_files(get):
    png = get("/cruscotti/sirse/mappa.png", width="640")
    assert png.headers["content-type"] == "image/png" and png.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", png.content[16:20])[0] == 640
    assert png.content != get("/cruscotti/sirse/mappa.png", width="640", anno="2016").content
    for width in ("99", "3001", "larga"):
        assert get("/cruscotti/sirse/mappa.png", width=width).status_code == 400
    svg = get("/cruscotti/sirse/mappa.svg", lang="en")
    assert svg.headers["content-type"] == "image/svg+xml; charset=utf-8" and "municipalities" in svg.text and "script" not in svg.text
    assert "script-src 'self'" in svg.headers["content-security-policy"]


def test_embedding_shows_what_anybody_may_see(get):
    answer = get("/cruscotti/sirse", "comune_058091", PAGE, embed="1", panel="per_tipo", anno="2025")
    assert "frame-ancestors *" in answer.headers["content-security-policy"] and "x-frame-options" not in answer.headers
    assert list(panels(body(answer))) == ["per_tipo"]
    stranger = panels(body(get("/cruscotti/sirse", None, PAGE, embed="1", panel="per_tipo", anno="2025")))
    assert panels(body(answer)) == stranger, "another site's frame must not show what its reader alone may see"
    assert get("/cruscotti/sigess", "pianificatore", PAGE, embed="1").status_code == 403
    whole = get("/cruscotti/sirse", None, PAGE)
    assert "frame-ancestors 'none'" in whole.headers["content-security-policy"] and whole.headers["x-frame-options"] == "DENY"


def test_english_is_english(page):
    text, _ = page("leps", None, lang="en")
    text = shown(text)
    assert "The region at a glance" in text and "Target" in text and "per 5,000 inhabitants" in text
    assert "Obiettivo" not in text and "abitanti" not in text and "Fonte" not in text


def test_script_adds_values_light_and_zoom(window):
    page = (visit := window()).page
    visit.open("/cruscotti/sirse?anno=2025&lang=it")
    page.locator("#mappa summary").click()
    row = page.locator("#mappa tr[data-k='058091']")
    page.locator("#mappa .siss-map [data-k='058091']").hover()
    value = row.locator("td").inner_text()
    assert page.locator("#mappa .siss-tip").inner_text() == f"Roma: {value}"
    assert "siss-lit" in row.get_attribute("class")
    assert page.locator("#mappa tr.siss-lit").count() == 1
    bar = page.locator("#posti_per_distretto svg [data-k='ROMA'] rect").first
    bar.hover()
    assert page.locator("#posti_per_distretto .siss-tip").inner_text().startswith("ROMA, ")
    moved = page.locator("#mappa .siss-map")
    legend = page.locator("#mappa svg text").last
    start, stood = moved.get_attribute("transform"), legend.bounding_box()
    page.get_by_role("button", name="Ingrandisci la mappa").click()
    assert moved.get_attribute("transform") != start and legend.bounding_box() == stood
    page.get_by_role("button", name="Mappa intera").click()
    assert moved.get_attribute("transform") == start
    assert not visit.faults


def test_what_is_embedded_is_accessible_and_fits(window, tmp_path):
    visit = window(size=PHONE)
    html = visit.open("/cruscotti/sirse?embed=1&panel=mappa&anno=2025&lang=it").text()
    assert visit.axe() == [] and not visit.faults
    visit.resize({"width": 320, "height": 512})
    assert visit.wider_than_window() == []
    (tmp_path / "embedded.html").write_text(html, encoding="utf-8")
    assert nu([tmp_path / "embedded.html"]) == []


@pytest.mark.parametrize("script", [True, False])
def test_a_viewer_filters_and_prints(window, script):
    page = (visit := window("pianificatore", script=script)).page
    visit.open("/cruscotti/risorse_finanziarie?lang=it")
    page.get_by_label("Anno", exact=True).select_option("2024")
    page.get_by_label("Distretto", exact=True).select_option("RM 5.1")
    page.get_by_role("button", name="Mostra").click()
    page.wait_for_url(lambda url: {"lang=it", "anno=2024", "ambito=RM+5.1"} <= set(re.split("[?&]", url)))
    assert not page.locator("#per_fondo table").is_visible()
    paper = page.pdf(format="A4")
    assert paper.startswith(b"%PDF-") and len(paper) > 20_000
    page.emulate_media(media="print")
    if script:
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#per_fondo table").is_visible(), "tables are printed whole"
    assert page.get_by_text("Distretto: RM 5.1").is_visible() and not page.locator(".siss-form").is_visible()
    assert not visit.faults

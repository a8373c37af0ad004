"""Releases: their files against DuckDB over the lake, pandas, sha256sum and frictionless; two releases against each other; the crash."""

import base64
import csv
import hashlib
import html
import json
import pathlib
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
import zipfile

import duckdb
import frictionless
import openpyxl
import pandas
import pytest
import requests

import oracle
from browser import DESKTOP, Window
from conftest import ROOT, binary, environment, serving
from deliveries import facilities, model

DATASET = "assa.strutture"
ATOM = "{http://www.w3.org/2005/Atom}"


def release(siss, data, *options, code=0):
    """What became of each dataset, by name."""
    done = siss("release", "--json", "--data", data, *options)
    assert done.returncode == code, done.stderr[-3000:] + done.stdout[-3000:]
    return {line["dataset"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def data(siss, lake, tmp_path_factory):
    """A lake of our own, with a first release."""
    folder = shutil.copytree(lake, tmp_path_factory.mktemp("releases") / "data")
    shutil.rmtree(folder / "open", ignore_errors=True)
    assert {one["outcome"] for one in release(siss, folder).values()} == {"released", "refused"}
    return folder


@pytest.fixture(scope="module")
def first(data):
    """Folders of the first releases, by dataset."""
    return {manifest["dataset"]: folder for folder, manifest in manifests(data) if manifest["previous"] is None}


@pytest.fixture(scope="module")
def second(siss, data, first):
    """A facility corrected, one added, one closed: the folder of the second release of the facilities."""
    one = model(data)
    with duckdb.connect() as db:
        raw = first[DATASET] / f"{DATASET}.raw.csv"
        sql = "SELECT codice_struttura FROM read_csv(?, all_varchar=true) WHERE codice_istat = '058091' AND tipo NOT LIKE 'casa_famiglia%' ORDER BY 1"
        codes = [code for (code,) in db.execute(sql, [str(raw)]).fetchall()]
    corrected = facilities({**one, "posti": str(int(one["posti"]) + 1), "denominazione": "=HYPERLINK(\"x\"), 'la nuova'"}, [one["codice_struttura"]])
    added = facilities(one, ["S058091-9001"]).splitlines(keepends=True)[1]
    other = next(code for code in codes if code != one["codice_struttura"])
    closed = facilities({**model_of(data, other), "data_cessazione": "2026-10-31"}, [other]).splitlines(keepends=True)[1]
    file = data / "correzione.csv"
    file.write_bytes(corrected + added + closed)
    done = siss("deliver", file, "--json", "--dataset", DATASET, "--sender", "058091", "--period", "2026-11", "--data", data)
    assert done.returncode == 0 and json.loads(done.stdout)["refused"] == 0, done.stdout + done.stderr[-2000:]
    made = release(siss, data)
    assert made[DATASET]["outcome"] == "released" and made["assa.transizioni"]["outcome"] == "unchanged"
    assert made[DATASET]["change"] == "correction" and made[DATASET]["difference"] == {"added": 1, "removed": 1, "corrected": 1, "unchanged": made[DATASET]["rows"] - 2}
    return data / "open" / "assa" / "strutture" / made[DATASET]["release"]


@pytest.fixture(scope="module")
def http(data, second):
    with serving(data, "--release-every", 0) as server:
        yield server.http


def model_of(data, code):
    import deliveries

    row = next(r for r in deliveries.table(data, DATASET).to_pylist() if r["codice_struttura"] == code and r["registrato_al"] is None)
    return {k: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items() if k not in deliveries.SYSTEM}


def manifests(data):
    for path in sorted((data / "open").glob("*/*/*/manifest.json")):
        yield path.parent, json.loads(path.read_text())


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_rows_are_those_that_everybody_sees(data, first):
    """The exact CSV and Parquet of every dataset against what the rights, written by hand, give a stranger."""
    db = oracle.connect(data, "anonimo", kind="VIEW", datasets=[name for name in oracle.COLUMNS if name in first])
    assert set(first) == {name for name in oracle.COLUMNS if oracle.columns(name, "anonimo") and db_has_rows(data, name)}
    for name, folder in first.items():
        manifest = json.loads((folder / "manifest.json").read_text())
        columns = oracle.columns(name, "anonimo")
        assert [column["name"] for column in manifest["columns"]] == columns, name
        typed = f"read_parquet('{folder}/{name}.parquet')"
        shown = ", ".join(columns)
        for a, b in ((name, typed), (typed, name)):
            assert db.execute(f"SELECT count(*) FROM (SELECT {shown} FROM {a} EXCEPT ALL SELECT {shown} FROM {b})").fetchone() == (0,), (name, a)
        raw = f"read_csv('{folder}/{name}.raw.csv', all_varchar=true, nullstr='', quote='\"', escape='\"', allow_quoted_nulls=false)"
        types = {column: kind for column, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM {typed}").fetchall()}
        cast = ", ".join(f"CAST({column} AS {types[column]}) AS {column}" for column in columns)
        for a, b in ((f"SELECT {cast} FROM {raw}", f"SELECT {shown} FROM {typed}"), (f"SELECT {shown} FROM {typed}", f"SELECT {cast} FROM {raw}")):
            assert db.execute(f"SELECT count(*) FROM ({a} EXCEPT ALL {b})").fetchone() == (0,), name
        assert manifest["rows"] == db.execute(f"SELECT count(*) FROM {typed}").fetchone()[0]


def db_has_rows(data, name):
    return oracle.connect(data, "anonimo", kind="VIEW", datasets=[name]).execute(f"SELECT count(*) > 0 FROM {name}").fetchone()[0]


def test_every_file_is_what_its_manifest_says(data, first):
    for folder, manifest in manifests(data):
        name = manifest["dataset"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d-[0-9a-f]{12}", folder.name) and manifest["release"] == folder.name
        assert {file["name"] for file in manifest["files"]} | {"manifest.json"} == {path.name for path in folder.iterdir()}
        for file in manifest["files"]:
            path = folder / file["name"]
            assert (path.stat().st_size, sha(path)) == (file["bytes"], file["sha256"]), path
        lines = [json.loads(line) for line in (folder / f"{name}.ndjson").open()]
        whole = json.loads((folder / f"{name}.json").read_text())
        assert whole["rows"] == lines and whole["count"] == len(lines) == manifest["rows"] and whole["complete"] is True
        assert manifest["licence"] and manifest["contract_version"] and manifest["sources"] and len(manifest["contract_hash"]) == 64


def test_a_workbook_keeps_codes_as_text(first):
    for name in ("territorio.comuni", "leps.copertura_nido"):
        raw = list(csv.reader((first[name] / f"{name}.raw.csv").open(newline="")))
        sheet = openpyxl.load_workbook(first[name] / f"{name}.xlsx", read_only=True).worksheets[0]
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
        assert rows[0] == raw[0] and len(rows) == len(raw)
        for column, title in enumerate(raw[0]):
            cells, texts = [row[column] for row in rows[1:]], [row[column] for row in raw[1:]]
            if title in ("codice_istat", "codice_catastale", "codice", "ambito"):
                assert [cell or "" for cell in cells] == texts, title
            elif all(type(cell) in (int, float) for cell in cells):
                assert [float(cell) for cell in cells] == [float(text) for text in texts], title


def test_places_are_geojson(first):
    for name in ("assa.strutture", "territorio.comuni"):
        rows = pandas.read_csv(first[name] / f"{name}.raw.csv", dtype=str)
        features = json.loads((first[name] / f"{name}.geojson").read_text())["features"]
        assert len(features) == len(rows)
        for feature, (_, row) in zip(features, rows.iterrows()):
            if pandas.isna(row["latitudine"]):
                assert feature["geometry"] is None
            else:
                assert feature["geometry"] == {"type": "Point", "coordinates": [float(row["longitudine"]), float(row["latitudine"])]}
                assert 40 < float(row["latitudine"]) < 43
            assert "latitudine" not in feature["properties"]
    assert not (first["sirse.servizi"] / "sirse.servizi.geojson").exists()


def test_parquet_is_sorted_and_has_statistics(first):
    import pyarrow.parquet

    for name, folder in first.items():
        file = pyarrow.parquet.ParquetFile(folder / f"{name}.parquet")
        group = file.metadata.row_group(0)
        assert group.sorting_columns, name
        assert all(group.column(i).statistics is not None for i in range(group.num_columns)), name
        order = [file.schema_arrow.names[column.column_index] for column in group.sorting_columns]
        rows = file.read(order).to_pylist()
        keys = [tuple((row[column] is not None, row[column]) for column in order) for row in rows]
        assert keys == sorted(keys, key=lambda key: [(there, value if there else 0) for there, value in key]), name


def test_bundles_are_verified_by_others(data, first, second, tmp_path):
    """sha256sum and frictionless over every bundle. Of the long table frictionless looks at the first rows; sha256sum at all."""
    for folder, manifest in manifests(data):
        home = tmp_path / folder.parent.name / folder.name
        with zipfile.ZipFile(folder / "bundle.zip") as bundle:
            assert bundle.testzip() is None
            bundle.extractall(home)
        names = {path.name for path in home.iterdir()}
        assert {"README.md", "dizionario.it.md", "dizionario.en.md", "datapackage.json", "CITATION.cff", "SHA256SUMS"} <= names
        assert subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=home, capture_output=True).returncode == 0
        assert sha(home / f"{manifest['dataset']}.raw.csv") == sha(folder / f"{manifest['dataset']}.raw.csv")
        report = frictionless.validate(str(home / "datapackage.json"), limit_rows=4000)
        assert report.valid, (manifest["dataset"], report.flatten(["rowNumber", "fieldName", "type", "note"])[:5])
        package = json.loads((home / "datapackage.json").read_text())
        assert package["version"] == manifest["release"] and len(package["resources"]) == 2
        assert manifest["release"] in (home / "CITATION.cff").read_text()


def test_a_spreadsheet_runs_nothing(second):
    exact = {row["codice_struttura"]: row for row in csv.DictReader((second / f"{DATASET}.raw.csv").open(newline=""))}
    safe = {row["codice_struttura"]: row for row in csv.DictReader((second / f"{DATASET}.csv").open(newline=""))}
    formulas = [code for code, row in exact.items() if row["denominazione"].startswith("=")]
    assert len(formulas) == 1
    for code, row in exact.items():
        for column, text in row.items():
            assert safe[code][column] == ("'" + text if column == "denominazione" and text[:1] in "=+-@" and text else text)


def test_what_did_not_change_makes_no_release(siss, data, second):
    before = {folder: sha(folder / "manifest.json") for folder, _ in manifests(data)}
    made = release(siss, data)
    assert {one["outcome"] for one in made.values()} == {"unchanged", "refused"}
    assert before == {folder: sha(folder / "manifest.json") for folder, _ in manifests(data)}
    said = siss("release", "--data", data, "--dataset", DATASET)
    assert said.returncode == 0 and said.stdout.startswith(f"unchanged  {DATASET}  {second.name}")


def test_persons_are_refused_with_the_reason(siss, data, tmp_path):
    for name in ("sigess.accessi", "leps.tempo_risposta"):
        made = release(siss, data, "--dataset", name, code=1)[name]
        assert (made["outcome"], made["code"]) == ("refused", "persons") and "controllo" in made["reason"]["it"] and "disclosure" in made["reason"]["en"]
    # Not even when its contract calls it open.
    folder = shutil.copytree(ROOT / "datasets", tmp_path / "datasets")
    contract = folder / "sigess/accessi.toml"
    text = contract.read_text().replace("open = false", "open = true")
    access = '[[access]]\nroles = ["anonimo"]\nrows = "true"\nclasses = ["public"]\n\n'
    contract.write_text(text.replace("[publication]", access + "[publication]", 1))
    made = release(siss, data, "--contracts", folder, "--dataset", "sigess.accessi", code=1)["sigess.accessi"]
    assert (made["outcome"], made["code"]) == ("refused", "persons")
    assert not (data / "open/sigess").exists()


def test_a_breaking_change_waits_for_its_day(siss, data, first, tmp_path):
    # A table follows its contract for good: the later one gets a lake of its own.
    name, hidden, data = "territorio.ambiti", "nota", shutil.copytree(data, tmp_path / "data")
    folder = shutil.copytree(ROOT / "datasets", tmp_path / "datasets")
    contract = folder / f"{name.replace('.', '/')}.toml"
    text = contract.read_text()
    version = re.search(r'^version = "(.*)"', text).group(1)
    # The column is there for offices, and for nobody else.
    at = text.index(f'name = "{hidden}"')
    text = text[:at] + text[at:].replace('class = "public"', 'class = "internal"', 1)
    text = text.replace(f'version = "{version}"', 'version = "9.0.0"', 1)
    contract.write_text(text)
    made = release(siss, data, "--contracts", folder, "--dataset", name, code=1)[name]
    assert made["code"] == "unannounced" and hidden in made["reason"]["it"]

    def announce(day):
        change = f'\n[[publication.change]]\nversion = "9.0.0"\nannounced = "2020-01-01"\nfrom = "{day}"\ntext = {{ it = "Una colonna in meno.", en = "A column less." }}\n'
        lines, at = text.split("\n"), text[: text.index("[publication]")].count("\n")
        end = next(i for i in range(at + 1, len(lines)) if lines[i].startswith("[["))
        contract.write_text("\n".join(lines[:end]) + change + "\n" + "\n".join(lines[end:]))

    announce("2999-01-01")
    made = release(siss, data, "--contracts", folder, "--dataset", name, code=1)[name]
    assert made["code"] == "too_early" and "2999-01-01" in made["reason"]["en"]
    announce("2020-02-01")
    made = release(siss, data, "--contracts", folder, "--dataset", name)[name]
    assert (made["outcome"], made["change"]) == ("released", "break")
    rows = json.loads((first[name] / "manifest.json").read_text())["rows"]
    assert made["difference"] == {"added": 0, "removed": 0, "corrected": 0, "unchanged": rows}


def test_files_are_served_whole_and_in_parts(http, second):
    address = f"{http}/open/assa/strutture/{second.name}/{DATASET}.raw.csv"
    stored = (second / f"{DATASET}.raw.csv").read_bytes()
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(stored).digest()).decode()}:"
    whole = requests.get(address)
    assert whole.content == stored and whole.headers["content-digest"] == whole.headers["repr-digest"] == digest
    assert whole.headers["etag"] == f'"{hashlib.sha256(stored).hexdigest()}"' and "immutable" in whole.headers["cache-control"]
    assert whole.headers["siss-complete"] == "true" and int(whole.headers["siss-count"]) == stored.count(b"\n") - 1
    same = requests.get(address, headers={"If-None-Match": f'"x", {whole.headers["etag"]}'})
    assert (same.status_code, same.content) == (304, b"")
    for asked, expected in (("bytes=0-99", stored[:100]), ("bytes=-50", stored[-50:]), ("bytes=1000-", stored[1000:])):
        part = requests.get(address, headers={"Range": asked, "If-Range": whole.headers["etag"]})
        assert (part.status_code, part.content) == (206, expected) and "content-digest" not in part.headers
        assert part.headers["content-range"].endswith(f"/{len(stored)}") and part.headers["repr-digest"] == digest
    assert requests.get(address, headers={"Range": "bytes=0-9", "If-Range": '"another"'}).content == stored
    beyond = requests.get(address, headers={"Range": f"bytes={len(stored)}-"})
    assert beyond.status_code == 416 and beyond.headers["content-range"] == f"bytes */{len(stored)}"
    head = requests.head(address)
    assert int(head.headers["content-length"]) == len(stored) and head.headers["repr-digest"] == digest and head.content == b""
    latest = requests.get(f"{http}/open/assa/strutture/latest/{DATASET}.raw.csv", allow_redirects=False)
    assert latest.status_code == 302 and http + latest.headers["location"] == address
    manifest = requests.get(f"{http}/open/assa/strutture/latest/manifest.json")
    assert manifest.json() == json.loads((second / "manifest.json").read_text())
    for missing in (f"{second.name}/nothing.csv", "2020-01-01-000000000000/manifest.json", f"{second.name}/..%2Fmanifest.json"):
        assert requests.get(f"{http}/open/assa/strutture/{missing}").status_code == 404
    assert requests.get(f"{http}/open/sigess/accessi").status_code == 404


def test_an_old_release_stays_at_its_address(http, first, second):
    folder = first[DATASET]
    index = requests.get(f"{http}/open/assa/strutture").json()
    assert [one["release"] for one in index["releases"]] == [second.name, folder.name] and index["latest"] == second.name
    for file in index["releases"][1]["files"]:
        assert requests.get(http + file["href"]).content == (folder / file["name"]).read_bytes()


def test_the_difference_is_that_of_the_files(http, first, second):
    """Key by key, against DuckDB over the two exact CSV files."""
    old, new = ({row["codice_struttura"]: row for row in csv.DictReader((folder / f"{DATASET}.raw.csv").open(newline=""))} for folder in (first[DATASET], second))
    answer = requests.get(f"{http}/open/assa/strutture/diff?from={first[DATASET].name}&to={second.name}")
    found = answer.json()
    assert "immutable" in answer.headers["cache-control"] and found["complete"] is True and found["change"] == "correction"
    rows = {row["key"]["codice_struttura"]: row for row in found["rows"]}
    assert {code for code, row in rows.items() if row["change"] == "added"} == set(new) - set(old) != set()
    assert {code for code, row in rows.items() if row["change"] == "removed"} == set(old) - set(new) != set()
    corrected = {code for code in set(old) & set(new) if old[code] != new[code]}
    assert {code for code, row in rows.items() if row["change"] == "corrected"} == corrected != set()
    for code in corrected:
        cells = {cell["column"]: (cell["old"] or "", cell["new"] or "") for cell in rows[code]["cells"]}
        assert cells == {column: (old[code][column], new[code][column]) for column in old[code] if old[code][column] != new[code][column]}
    counts = found["counts"]
    assert counts["added"] + counts["removed"] + counts["corrected"] == len(rows) and counts["unchanged"] == len(set(old) & set(new)) - len(corrected)
    assert requests.get(f"{http}/open/assa/strutture/diff", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    text = requests.get(f"{http}/open/assa/strutture/diff?format=csv&raw=true").text
    lines = list(csv.DictReader(text.splitlines(keepends=True)))
    assert {(line["codice_struttura"], line["column"], line["old"], line["new"]) for line in lines if line["change"] == "corrected"} == {
        (code, column, old[code][column], new[code][column]) for code in corrected for column in old[code] if old[code][column] != new[code][column]
    }
    assert "'=HYPERLINK" in requests.get(f"{http}/open/assa/strutture/diff?format=csv").text and "'=HYPERLINK" not in text
    back = requests.get(f"{http}/open/assa/strutture/diff?from={second.name}&to={first[DATASET].name}").json()["counts"]
    assert (back["added"], back["removed"]) == (counts["removed"], counts["added"])
    alone = requests.get(f"{http}/open/assa/transizioni/diff")
    assert alone.status_code == 400 and alone.json()["code"] == "release.first"
    assert requests.get(f"{http}/open/assa/strutture/diff?format=xml").status_code == 400


def test_feeds_tell_of_every_release(http, data, first, second):
    one = ElementTree.fromstring(requests.get(f"{http}/open/assa/strutture/feed.atom").content)
    entries = one.findall(f"{ATOM}entry")
    assert [entry.find(f"{ATOM}id").text for entry in entries] == [f"urn:siss:release:{DATASET}:{folder.name}" for folder in (second, first[DATASET])]
    enclosed = [link.attrib for link in entries[0].findall(f"{ATOM}link") if link.attrib["rel"] == "enclosure"]
    for link in enclosed:
        assert requests.head(link["href"]).headers["content-length"] == link["length"]
    every = ElementTree.fromstring(requests.get(f"{http}/open/feed.atom?lang=en").content)
    assert len(every.findall(f"{ATOM}entry")) == len(list(manifests(data)))
    assert [entry.find(f"{ATOM}id").text for entry in every.findall(f"{ATOM}entry")][0] == f"urn:siss:release:{DATASET}:{second.name}"
    assert every.find(f"{ATOM}title").text.startswith("Releases")
    dates = [entry.find(f"{ATOM}updated").text for entry in every.findall(f"{ATOM}entry")]
    assert dates == sorted(dates, reverse=True) and every.find(f"{ATOM}updated").text == dates[0]


def test_pages_of_releases(http, first, second):
    browser = {"Accept": "text/html"}
    for language, added, news in (("it", "Righe aggiunte", "Novità dei dati"), ("en", "Rows added", "News of the data")):
        page = requests.get(f"{http}/dataset/assa/strutture/versioni?lang={language}", headers=browser).text
        assert first[DATASET].name in page and second.name in page and f"da={first[DATASET].name}&amp;a={second.name}" in page.replace("&amp;amp;", "&amp;")
        page = requests.get(f"{http}/dataset/assa/strutture/confronto?lang={language}", headers=browser).text
        assert added in page and "S058091-9001" in page and "=HYPERLINK" in page
        page = html.unescape(requests.get(f"{http}/novita?lang={language}", headers=browser).text)
        assert news in page and "/dataset/assa/strutture/confronto?" in page
        page = html.unescape(requests.get(f"{http}/dataset/assa/strutture?lang={language}", headers=browser).text)
        assert f"/open/assa/strutture/{second.name}/bundle.zip" in page and f"{http}/open/assa/strutture/{second.name}/manifest.json" in page
    assert requests.get(f"{http}/dataset/riferimenti/consultori/versioni", headers=browser).status_code == 200
    assert requests.get(f"{http}/dataset/sigess/accessi/versioni", headers=browser).status_code == 404


def test_a_journalist_compares_two_releases_downloads_and_cites(chromium, http, first, second, tmp_path):
    """From the first page, pressing only what is there, in a real Chromium."""
    one = Window(chromium.new_context(viewport=DESKTOP, locale="it-IT", base_url=http, accept_downloads=True), http)
    page = one.page
    one.open("/")
    page.get_by_role("searchbox").first.fill("struture socio assistenziali")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Strutture socio-assistenziali", exact=False).first.click()
    page.wait_for_url(re.compile("/dataset/assa/strutture"))
    cited = page.locator("section[aria-labelledby=cite]").inner_text()
    assert f"{http}/open/assa/strutture/{second.name}" in cited and "CC" in cited
    page.get_by_role("link", name="Tutte le versioni e le differenze").click()
    page.get_by_label("Dalla pubblicazione", exact=True).select_option(first[DATASET].name)
    page.get_by_label("Alla pubblicazione", exact=True).select_option(second.name)
    page.get_by_role("button", name="Confronta").click()
    page.wait_for_url(re.compile("/confronto"))
    facts = dict(re.findall(r"(Righe \w+)\s+(\d[\d.]*)", page.locator("dl.siss-facts").first.inner_text()))
    assert (facts["Righe aggiunte"], facts["Righe tolte"], facts["Righe corrette"]) == ("1", "1", "1")
    assert "S058091-9001" in page.locator("main table").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Differenze, CSV").click()
    assert "S058091-9001" in download.value.path().read_text(encoding="utf-8")
    # Both releases as they were, each with the hash of its manifest.
    page.go_back()
    page.wait_for_url(re.compile("/versioni"))
    for folder in (first[DATASET], second):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"CSV esatto {folder.name}", exact=False).click()
        manifest = json.loads((folder / "manifest.json").read_text())
        assert sha(download.value.path()) in {file["sha256"] for file in manifest["files"]}
    one.context.close()
    assert one.faults == [] and one.foreign == []


def test_a_crash_leaves_nothing_half_published(siss, lake, tmp_path):
    data = shutil.copytree(lake, tmp_path / "data")
    shutil.rmtree(data / "open", ignore_errors=True)
    home = data / "open"
    for wanted in (1, 12):
        process = subprocess.Popen([binary(), "release", "--data", data], cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Files of a release are there whose manifest is not: the worst moment.
        while process.poll() is None and len(half(home)) + len(list(manifests(data))) < wanted:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for folder, manifest in manifests(data):
            assert all(sha(folder / file["name"]) == file["sha256"] for file in manifest["files"])
    left = half(home)
    with serving(data, "--release-every", 0) as server:
        for folder in left:
            area, name, cut = folder.relative_to(home).parts
            answers = {requests.get(f"{server.http}/open/{area}/{name}/{cut}/{path.name}").status_code for path in folder.iterdir()}
            assert answers <= {404} and requests.get(f"{server.http}/open/{area}/{name}").status_code == 404
    made = release(siss, data)
    assert "failed" not in {one.get("code") for one in made.values()} and not list((data / "release.part").iterdir())
    assert not half(home), "what was cut off is whole"


def half(home):
    return [folder for folder in home.glob("*/*/*") if folder.is_dir() and not (folder / "manifest.json").exists()]


def test_a_large_file_needs_no_memory(first, tmp_path):
    """A gigabyte from a file, whole and in part, by four readers at once: the server holds pieces of it."""
    size, name = 1 << 30, "territorio.popolazione.raw.csv"
    manifest = json.loads((first["territorio.popolazione"] / "manifest.json").read_text())
    digest = hashlib.sha256()
    for _ in range(1024):
        digest.update(bytes(1 << 20))
    manifest["files"] = [{**file, "bytes": size, "sha256": digest.hexdigest()} for file in manifest["files"] if file["name"] == name]
    folder = tmp_path / "open/territorio/popolazione" / manifest["release"]
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with (folder / name).open("wb") as file:
        file.truncate(size)
    with serving(tmp_path, "--release-every", 0) as server:
        address = f"{server.http}/open/territorio/popolazione/{manifest['release']}/{name}"
        assert requests.get(address, headers={"Range": "bytes=1073741820-"}).content == bytes(4)
        before = peak(server.process.pid)
        readers = [subprocess.Popen(["curl", "-sf", address, "-o", "/dev/null", "-w", "%{size_download}"], stdout=subprocess.PIPE) for _ in range(4)]
        assert {int(reader.communicate(timeout=120)[0]) for reader in readers} == {size}
        assert peak(server.process.pid) - before < 64 << 20


def peak(process):
    """The most memory a process has held, in bytes."""
    line = next(line for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10

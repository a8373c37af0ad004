"""The catalogue for machines, judged by SEMIC's own SHACL shapes, by the national ontology and by parsers of RDF that are not ours."""

import base64
import csv
import hashlib
import html
import json
import pathlib
import re

import pyshacl
import pytest
import rdflib
import rdflib.compare
import requests
from rdflib import OWL, RDF, RDFS, DCTERMS, DCAT, FOAF

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "dcat"
needs_shapes = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/dcat is not here: no shapes to judge the catalogue by")

IT = rdflib.Namespace("http://dati.gov.it/onto/dcatapit#")
SPDX = rdflib.Namespace("http://spdx.org/rdf/terms#")
AP = rdflib.Namespace("http://data.europa.eu/r5r/")
SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")
MEDIA = {"ttl": "text/turtle", "rdf": "application/rdf+xml", "jsonld": "application/ld+json"}
PARSER = {"ttl": "turtle", "rdf": "xml", "jsonld": "json-ld"}
PROFILES = {
    "2.1.1": ["dcat-ap-2.1.1/dcat-ap_2.1.1_shacl_shapes.ttl", "dcat-ap-2.1.1/dcat-ap_2.1.1_shacl_range.ttl", "dcat-ap-2.1.1/dcat-ap_2.1.1_shacl_mdr-vocabularies.shape.ttl", "dcat-ap-2.1.1/dcat-ap_2.1.1_shacl_deprecateduris.ttl"],
    "3.0.1": ["dcat-ap-3.0.1/shapes.ttl", "dcat-ap-3.0.1/range.ttl", "dcat-ap-3.0.1/mdr-vocabularies.shape.ttl", "dcat-ap-3.0.1/deprecateduris.ttl"],
}
HVD = ["hvd/hvd-SHACL-base.ttl", "hvd/hvd-SHACL-full.ttl", "hvd/hvd-SHACL-ranges.ttl"]


@pytest.fixture(scope="module")
def get(server):
    def get(path, **headers):
        return requests.get(server.http + path, headers=headers, timeout=60, allow_redirects=False)

    return get


@pytest.fixture(scope="module")
def catalogue(get):
    return rdflib.Graph().parse(data=get("/catalog.ttl").content, format="turtle")


def shapes(files):
    graph = rdflib.Graph()
    for file in files:
        graph.parse(SHARED / file, format="turtle")
    return graph


# The shapes warn of a publisher that is not a body of the European Union: "check if a corresponding exists"; none does.
ONLY_EUROPEAN_BODIES = str(DCTERMS.publisher)


def violations(graph, files):
    """What the shapes say against the graph: violations, and warnings too but for the one above."""
    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes(files), advanced=True, inference="none")
    said = []
    for one in report.objects(report.value(None, RDF.type, SH.ValidationReport), SH.result):
        focus, path, severity = (report.value(one, what) for what in (SH.focusNode, SH.resultPath, SH.resultSeverity))
        if severity == SH.Violation or str(path) != ONLY_EUROPEAN_BODIES:
            said.append((str(focus), str(path), str(severity), str(report.value(one, SH.resultMessage))))
    return said


@needs_shapes
@pytest.mark.parametrize("profile", PROFILES)
def test_the_catalogue_has_no_violation_of_the_european_profile(catalogue, profile):
    assert violations(catalogue, PROFILES[profile]) == []


@needs_shapes
def test_the_profile_with_sizes_and_hashes_is_valid_by_itself(get, catalogue):
    """DCAT-AP 2 wants sizes as decimals and SHA-1, DCAT-AP 3 whole numbers: no graph with them satisfies both."""
    graph = rdflib.Graph().parse(data=get("/catalog.ttl?profile=dcat-ap-3").content, format="turtle")
    assert violations(graph, PROFILES["3.0.1"]) == []
    assert len(catalogue - graph) == 0 and get("/catalog.ttl?profile=altro").status_code == 400
    extra = {predicate for _, predicate, _ in graph - catalogue}
    released = [node for node in graph.objects(None, DCAT.downloadURL) if "/open/" in str(node)]
    assert not released or {DCAT.byteSize, SPDX.checksum, SPDX.checksumValue} <= extra


def test_files_of_releases_are_what_the_catalogue_says(server, get):
    """Size, hash, range and digest of the files that the catalogue names."""
    graph = rdflib.Graph().parse(data=get("/catalog.ttl?profile=dcat-ap-3").content, format="turtle")
    files = sorted((str(url), node) for node, url in graph.subject_objects(DCAT.downloadURL) if "/open/" in str(url) and "territorio/comuni" in str(url))
    assert files, "a release was made"
    for url, node in files:
        path = "/" + url.split("/", 3)[3]
        answer = requests.get(server.http + path, headers={"Accept-Encoding": "identity"}, timeout=60)
        digest = hashlib.sha256(answer.content)
        checksum = graph.value(node, SPDX.checksum)
        assert len(answer.content) == int(graph.value(node, DCAT.byteSize)) and digest.hexdigest() == str(graph.value(checksum, SPDX.checksumValue)).lower()
        assert answer.headers["content-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        assert "immutable" in answer.headers["cache-control"] and "content-encoding" not in requests.get(server.http + path, headers={"Accept-Encoding": "gzip"}, timeout=60).headers
        part = requests.get(server.http + path, headers={"Range": "bytes=10-19"}, timeout=60)
        assert part.status_code == 206 and part.content == answer.content[10:20] and part.headers["siss-complete"] == "range"
        assert str(graph.value(node, DCAT.accessURL)).endswith(path.rsplit("/", 1)[1]) and "/latest/" in str(graph.value(node, DCAT.accessURL))


@needs_shapes
def test_a_high_value_dataset_satisfies_the_shapes_of_high_value_datasets(catalogue, get):
    high = sorted(catalogue.subjects(AP.hvdCategory, None))
    datasets = [node for node in high if (node, RDF.type, DCAT.Dataset) in catalogue]
    assert datasets, "population is a high-value dataset"
    for node in datasets:
        path = str(node).split("#")[0].split("/dataset/")[1]
        graph = rdflib.Graph().parse(data=get(f"/dataset/{path}.ttl").content, format="turtle")
        # Those shapes bind every DataService and Distribution they find, so that they see one dataset at a time.
        assert violations(graph, HVD) == []


@needs_shapes
def test_the_shapes_do_object_to_a_catalogue_with_faults(catalogue):
    """The judge is awake: what the profiles demand is missed when it is taken away."""
    for profile, subject, predicate in [("2.1.1", DCAT.Dataset, DCTERMS.title), ("3.0.1", DCAT.Dataset, DCTERMS.description), ("3.0.1", DCAT.Distribution, DCAT.accessURL)]:
        broken = rdflib.Graph() + catalogue
        victim = next(iter(sorted(broken.subjects(RDF.type, subject))))
        broken.remove((victim, predicate, None))
        assert any(focus == str(victim) and severity.endswith("Violation") for focus, _, severity, _ in violations(broken, PROFILES[profile])), profile


@needs_shapes
def test_cardinalities_of_the_national_ontology_hold(catalogue):
    """DCAT-AP_IT comes as an ontology without shapes: its restrictions are read and counted."""
    ontology = rdflib.Graph().parse(SHARED / "dcat-ap-it/DCAT-AP_IT.ttl")
    counted = 0
    for kind in set(catalogue.objects(None, RDF.type)):
        for rule in ontology.objects(kind, RDFS.subClassOf):
            predicate = ontology.value(rule, OWL.onProperty)
            if predicate is None or not str(kind).startswith(str(IT)):
                continue
            number = lambda *names: next((int(n) for name in names if (n := ontology.value(rule, name)) is not None), None)
            exact = number(OWL.cardinality, OWL.qualifiedCardinality)
            most = number(OWL.maxCardinality, OWL.maxQualifiedCardinality)
            some = ontology.value(rule, OWL.someValuesFrom)
            for node in catalogue.subjects(RDF.type, kind):
                found = len(list(catalogue.objects(node, predicate)))
                counted += 1
                assert exact is None or found == exact, (node, predicate, found)
                assert most is None or found <= most, (node, predicate, found)
                assert some is None or found >= 1, (node, predicate)
    assert counted > 200


def test_every_node_has_the_national_class_with_its_parent_and_its_mandatory_properties(catalogue):
    parents = {"Catalog": DCAT.Catalog, "Dataset": DCAT.Dataset, "Distribution": DCAT.Distribution, "Agent": FOAF.Agent, "LicenseDocument": DCTERMS.LicenseDocument}
    for name, parent in parents.items():
        national, european = set(catalogue.subjects(RDF.type, IT[name])), set(catalogue.subjects(RDF.type, parent))
        assert national and national == european, name
    for dataset in catalogue.subjects(RDF.type, IT.Dataset):
        has = lambda predicate: list(catalogue.objects(dataset, predicate))
        titles = {literal.language for literal in has(DCTERMS.title)}
        assert titles == {"it", "en"} and {d.language for d in has(DCTERMS.description)} == {"it", "en"}
        assert has(DCAT.theme)[0].startswith("http://publications.europa.eu/resource/authority/data-theme/")
        assert has(DCTERMS.accrualPeriodicity)[0].startswith("http://publications.europa.eu/resource/authority/frequency/")
        assert catalogue.value(has(DCTERMS.rightsHolder)[0], DCTERMS.identifier).value == "r_lazio"
        assert has(DCAT.distribution) and has(DCAT.contactPoint)
        for distribution in has(DCAT.distribution):
            assert catalogue.value(distribution, DCTERMS.license).startswith("https://creativecommons.org/"), distribution
            assert catalogue.value(distribution, DCTERMS.format).startswith("http://publications.europa.eu/resource/authority/file-type/")


@needs_shapes
def test_subjects_and_licences_are_those_of_the_national_vocabularies(catalogue):
    with open(SHARED / "vocabularies/theme-subtheme-mapping.csv", newline="", encoding="utf-8") as file:
        known = {(row["uri_1_livello"], row["uri_2_livello"]) for row in csv.DictReader(file)}
    for dataset in catalogue.subjects(RDF.type, IT.Dataset):
        theme = str(catalogue.value(dataset, DCAT.theme))
        for subject in catalogue.objects(dataset, DCTERMS.subject):
            assert (theme, str(subject)) in known
    codes = {row[4].split()[0] if len(row) > 4 else "" for row in csv.reader(open(SHARED / "vocabularies/licences.csv", encoding="utf-8"))}
    assert "A.2.1" in codes
    for licence in catalogue.subjects(RDF.type, IT.LicenseDocument):
        assert any("licences/A21_CCBY40" in str(same) or "licences/A11_CCO10" in str(same) for same in catalogue.objects(licence, rdflib.SKOS.exactMatch))


def test_all_syntaxes_say_the_same_and_are_chosen_by_extension_or_accept(get, catalogue):
    want = {"ttl", "rdf", "jsonld"}
    for extension in want:
        by_name, by_accept = get(f"/catalog.{extension}"), get("/catalog", Accept=MEDIA[extension])
        assert by_name.headers["content-type"].split(";")[0] == by_accept.headers["content-type"].split(";")[0] == MEDIA[extension]
        assert rdflib.compare.isomorphic(rdflib.Graph().parse(data=by_name.content, format=PARSER[extension]), catalogue), extension
        assert by_accept.content == by_name.content
    assert get("/catalog", Accept="image/png").status_code == 406
    assert get("/catalog", Accept="text/html").status_code == 303


def test_a_dataset_is_a_page_for_people_and_rdf_for_machines(get, catalogue):
    page = get("/dataset/assa/strutture", Accept="text/html,*/*;q=0.8")
    assert page.headers["content-type"].startswith("text/html") and "<h1>" in page.text
    assert get("/dataset/assa/strutture").headers["content-type"].startswith("text/html")
    for extension in PARSER:
        for answer in (get(f"/dataset/assa/strutture.{extension}"), get("/dataset/assa/strutture", Accept=MEDIA[extension])):
            assert answer.status_code == 200 and answer.headers["content-type"].split(";")[0] == MEDIA[extension]
            graph = rdflib.Graph().parse(data=answer.content, format=PARSER[extension])
            assert [str(i) for i in graph.objects(None, DCTERMS.identifier) if "strutture" in i and "@" not in i] == ["r_lazio:assa.strutture"]
            # The part says nothing that the whole does not.
            assert len(graph - catalogue) == 0
    assert get("/dataset/assa/assente.ttl").status_code == 404


def test_what_the_page_shows_search_engines(get, catalogue):
    page = html.unescape(get("/dataset/assa/strutture?lang=en", Accept="text/html").text)
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    said = json.loads(block.group(1))
    assert said["@type"] == "Dataset" and said["license"] == "https://creativecommons.org/licenses/by/4.0/" and said["isAccessibleForFree"]
    assert (rdflib.URIRef(said["@id"]), RDF.type, DCAT.Dataset) in catalogue
    assert {d["encodingFormat"].split(";")[0] for d in said["distribution"]} >= {"text/csv", "application/json"}
    names = {one["name"] for one in said["variableMeasured"]}
    assert "posti" in names and "responsabile" not in names
    for one in said["distribution"]:
        assert get(re.sub(r"^https?://[^/]+", "", one["contentUrl"])).status_code == 200
    assert re.search(r'<link rel="alternate" type="text/turtle" href="/dataset/assa/strutture.ttl">', page)


def test_only_what_is_public_is_in_the_catalogue(get, catalogue):
    text = get("/catalog.ttl").text
    assert "sigess" not in text and "sistema." not in text
    open_to_all = {d["name"] for d in get("/api/v1/datasets").json()["datasets"]}
    listed = {str(i).removeprefix("r_lazio:") for n in catalogue.subjects(RDF.type, IT.Dataset) for i in catalogue.objects(n, DCTERMS.identifier)}
    assert listed and listed <= open_to_all
    assert get("/dataset/sigess/accessi.ttl").status_code == 404


def test_every_address_of_a_distribution_answers_with_its_type(server, get, catalogue):
    base = str(next(catalogue.subjects(RDF.type, DCAT.Catalog))).removesuffix("/catalog")
    services = set(catalogue.objects(None, DCAT.endpointURL))
    for dataset in list(sorted(catalogue.subjects(RDF.type, DCAT.Dataset)))[:6]:
        for distribution in catalogue.objects(dataset, DCAT.distribution):
            for predicate in (DCAT.accessURL, DCAT.downloadURL):
                address = str(catalogue.value(distribution, predicate))
                assert address.startswith(base)
                answer = requests.head(server.http + address.removeprefix(base), timeout=60, allow_redirects=True)
                assert answer.status_code == 200, address
                if media := catalogue.value(distribution, DCAT.mediaType):
                    assert str(media).endswith(answer.headers["content-type"].split(";")[0])
    assert services
    for endpoint in list(services)[:3]:
        assert get(str(endpoint).removeprefix(base) + "?limit=1").json()["columns"]


def test_site_map_and_robots(get):
    site_map, robots = get("/sitemap.xml"), get("/robots.txt")
    places = re.findall(r"<loc>([^<]+)</loc>", site_map.text)
    assert site_map.headers["content-type"].startswith("application/xml") and len(places) > 10 and not any("sigess" in p for p in places)
    assert f"Sitemap: {places[0].rstrip('/')}/sitemap.xml" in robots.text
    territories = [place for place in places if "/territorio/" in place]
    assert len(territories) >= 378 + 37 and any("/indicatore/" in place for place in places) and any("/cruscotti/" in place for place in places)
    # Of the many pages that are made alike, some.
    for place in [place for place in places if place not in territories] + territories[::97]:
        assert get("/" + place.split("/", 3)[3], Accept="text/html").status_code == 200, place

"""CKAN's Action API, asked by CKAN's own client and by what harvesters send."""

import csv
import io
import json

import ckanapi
import pytest
import requests


@pytest.fixture(scope="module", params=["POST", "GET"])
def ckan(server, request):
    with ckanapi.RemoteCKAN(server.http, user_agent="test", get_only=request.param == "GET") as client:
        yield client


@pytest.fixture(scope="module")
def post(server):
    with ckanapi.RemoteCKAN(server.http, user_agent="test") as client:
        yield client


@pytest.fixture(scope="module")
def comuni(server, post):
    """The municipalities: their resource of type CSV, and their rows as the file has them."""
    package = post.action.package_show(id="territorio-comuni")
    resource = next(r for r in package["resources"] if r["format"] == "CSV")
    path = "/" + resource["url"].split("/", 3)[3]
    return resource, list(csv.DictReader(io.StringIO(requests.get(server.http + path, timeout=60).content.decode("utf-8-sig"))))


def test_packages_and_resources_lead_to_each_other(ckan):
    names = ckan.action.package_list()
    assert "assa-strutture" in names and not any(name.startswith("sigess") for name in names)
    assert ckan.action.package_list(limit=2, offset=1) == names[1:3]
    package = ckan.action.package_show(id="assa-strutture")
    assert package == ckan.action.package_show(id=package["id"])
    assert package["license_id"] == "CC-BY-4.0" and package["organization"]["name"] == "r_lazio" and package["num_resources"] == len(package["resources"])
    extras = {one["key"]: one["value"] for one in package["extras"]}
    assert extras["identifier"] == "r_lazio:assa.strutture" and extras["holder_identifier"] == "r_lazio" and json.loads(extras["theme"])
    for resource in package["resources"]:
        assert ckan.action.resource_show(id=resource["id"]) == resource and resource["package_id"] == package["id"]
    with pytest.raises(ckanapi.NotFound):
        ckan.action.package_show(id="assente")
    with pytest.raises(ckanapi.ValidationError):
        ckan.action.package_show()
    with pytest.raises(ckanapi.CKANAPIError):
        ckan.action.package_delete(id="assa-strutture")


def test_organisations_groups_tags_and_licences(ckan):
    assert ckan.action.organization_list() == ["r_lazio"]
    assert ckan.action.organization_show(id="r_lazio", include_datasets=True)["packages"]
    groups = ckan.action.group_list(all_fields=True)
    assert sum(g["package_count"] for g in groups) == len(ckan.action.package_list())
    assert ckan.action.group_show(id=groups[0]["name"])["title"]
    assert ckan.action.tag_list() and {licence["id"] for licence in ckan.action.license_list()} >= {"CC-BY-4.0"}
    assert ckan.action.status_show()["site_url"].startswith("http")


def test_a_harvester_walks_through_all_packages_page_by_page(post):
    """As `ckanext-harvest` does: by id, in pages, restricted to an organisation and to what changed."""
    found, start = [], 0
    while page := post.action.package_search(rows=7, start=start, sort="id asc", fq="organization:(r_lazio OR altra) metadata_modified:[2020-01-01T00:00:00Z TO *]")["results"]:
        found += page
        start += 7
    ids = [package["id"] for package in found]
    assert sorted(package["name"] for package in found) == sorted(post.action.package_list()) and ids == sorted(ids)
    assert post.action.package_search(fq="metadata_modified:[2999-01-01T00:00:00Z TO *]")["count"] == 0
    assert post.action.package_search(fq="-organization:r_lazio")["count"] == 0
    whole = {package["id"]: package for package in post.action.current_package_list_with_resources()}
    assert {package["id"]: package for package in found} == whole


def test_search_by_words_facets_and_conditions(server, post):
    answer = post.action.package_search(q="strutture", rows=3, **{"facet.field": ["res_format", "tags", "organization"], "facet.limit": 2})
    assert answer["results"][0]["name"] == "assa-strutture" and len(answer["results"]) == min(3, answer["count"])
    assert answer["facets"]["organization"] == {"r_lazio": answer["count"]} and answer["facets"]["res_format"]["CSV"] == answer["count"]
    assert len(answer["search_facets"]["tags"]["items"]) <= 2
    assert answer["search_facets"]["organization"]["items"] == [{"name": "r_lazio", "display_name": "Regione Lazio", "count": answer["count"]}]
    everything = post.action.package_search(q="*:*", rows=0)
    assert everything["count"] == len(post.action.package_list()) and everything["results"] == []
    tagged = post.action.package_search(fq='tags:"popolazione"', rows=100)["results"]
    assert tagged and all("popolazione" in {tag["name"] for tag in one["tags"]} for one in tagged)
    assert post.action.package_search(q="name:territorio-comuni")["count"] == 1
    assert post.action.package_search(q="parolachenonesiste")["count"] == 0
    by_get = requests.get(server.http + "/api/3/action/package_search", params={"q": "strutture", "facet.field": '["organization"]'}, timeout=60).json()
    assert by_get["result"]["facets"]["organization"] == {"r_lazio": answer["count"]}
    for wrong in ({"fq": "colore:rosso"}, {"sort": "colore asc"}, {"fq": "metadata_modified:[NOW-1DAY TO *]"}):
        with pytest.raises(ckanapi.CKANAPIError):
            post.action.package_search(**wrong)


def test_datastore_gives_the_rows_of_the_file(ckan, comuni):
    resource, rows = comuni
    found, offset = [], 0
    while True:
        page = ckan.action.datastore_search(resource_id=resource["id"], limit=100, offset=offset)
        assert page["total"] == len(rows) and page["total_was_estimated"] is False
        if not page["records"]:
            break
        found += page["records"]
        offset += 100
    text = lambda value: {None: "", True: "true", False: "false"}.get(value, str(value))
    assert [r["codice_istat"] for r in found] == sorted(row["codice_istat"] for row in rows)
    by_code = {row["codice_istat"]: row for row in rows}
    for record in found:
        assert record["comune"] == by_code[record["codice_istat"]]["comune"] and record["provincia"] == by_code[record["codice_istat"]]["provincia"]
    assert {field["id"] for field in page["fields"]} == set(rows[0])


def test_datastore_filters_orders_and_chooses(post, comuni):
    resource, rows = comuni
    ask = lambda **more: post.action.datastore_search(resource_id=resource["id"], **more)
    rieti = sorted((row["comune"] for row in rows if row["provincia"] == "RI"), reverse=True)
    one = ask(filters={"provincia": "RI"}, sort="comune desc", limit=5, fields=["comune"])
    assert one["total"] == len(rieti) and [list(r.items()) for r in one["records"]] == [[("comune", name)] for name in rieti[:5]]
    two = ask(filters={"provincia": ["RI", "LT"]}, limit=0)
    assert two["total"] == sum(row["provincia"] in ("RI", "LT") for row in rows) and two["records"] == []
    both = ask(filters={"provincia": ["RI", "LT"], "codice_istat": rows[0]["codice_istat"]})
    assert both["total"] == (rows[0]["provincia"] in ("RI", "LT"))
    words = ask(q="tivoli", fields="codice_istat,comune")
    assert [r["comune"] for r in words["records"]] == ["Tivoli"]
    lists = ask(filters={"comune": "Tivoli"}, fields=["codice_istat", "comune"], records_format="lists")
    assert lists["records"] == [[words["records"][0]["codice_istat"], "Tivoli"]]
    assert [r["comune"] for r in ask(sort="provincia asc, comune desc", limit=400)["records"]] == [
        row["comune"] for row in sorted(sorted(rows, key=lambda r: r["comune"], reverse=True), key=lambda r: r["provincia"])
    ]
    for wrong in ({"filters": {"assente": "x"}}, {"sort": "assente"}, {"fields": ["assente"]}, {"limit": "molti"}, {"records_format": "csv"}, {"filters": "x"}):
        with pytest.raises(ckanapi.ValidationError):
            ask(**wrong)
    with pytest.raises(ckanapi.NotFound):
        post.action.datastore_search(resource_id="00000000-0000-0000-0000-000000000000")


def test_what_needs_an_account_is_not_found_with_one_either(server):
    """The Action API is the public's: signing in opens nothing, and columns that are not public are not there."""
    auth = ("pianificatore", server.password)
    names = requests.get(server.http + "/api/3/action/package_list", auth=auth, timeout=60).json()["result"]
    assert not any(name.startswith(("sigess", "sistema")) for name in names)
    package = requests.get(server.http + "/api/3/action/package_show", params={"id": "assa-strutture"}, auth=auth, timeout=60).json()["result"]
    answer = requests.get(server.http + "/api/3/action/datastore_search", params={"resource_id": package["resources"][0]["id"], "limit": 1}, auth=auth, timeout=60)
    assert "responsabile" not in answer.json()["result"]["records"][0]
    hidden = requests.get(server.http + "/api/3/action/datastore_search", params={"resource_id": package["resources"][0]["id"], "filters": '{"responsabile": "x"}'}, auth=auth, timeout=60)
    assert hidden.status_code == 409


def test_errors_have_the_shape_of_ckan(server):
    for path, status, kind in [("package_show?id=assente", 404, "Not Found Error"), ("package_show", 409, "Validation Error"), ("inventata", 400, "Bad Request"), ("package_search?fq=x", 400, "Search Query Error")]:
        answer = requests.get(f"{server.http}/api/3/action/{path}", timeout=60)
        body = answer.json()
        assert answer.status_code == status and body["success"] is False and body["error"]["__type"] == kind and "help" in body, path
    answer = requests.post(server.http + "/api/3/action/package_show", data="[1]", timeout=60)
    assert answer.status_code == 409 and answer.json()["success"] is False

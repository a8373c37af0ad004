"""The OpenAPI document by Spectral's rules, and by what the national checker (AgID, ModI) demands: each demand is read here in our own words."""

import json
import pathlib
import re
import subprocess

import pytest
import requests

JUDGE = pathlib.Path(__file__).resolve().parents[1] / "openapi"
METHODS = {"get", "head", "post", "put", "patch", "delete"}
LIMITS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


@pytest.fixture(scope="module")
def document(server):
    return requests.get(server.http + "/api/openapi.json", timeout=60).json()


def resolved(document, value):
    while isinstance(value, dict) and "$ref" in value:
        at = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            at = at[part.replace("~1", "/").replace("~0", "~")]
        value = at
    return value


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation, [resolved(document, p) for p in item.get("parameters", []) + operation.get("parameters", [])]


def responses(document):
    for path, method, operation, _ in operations(document):
        for status, response in operation["responses"].items():
            yield path, method, status, resolved(document, response)


def schemas(value, at=""):
    """Every schema of the document with a `type`, by where it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), (str, list)) and "in" not in value:
            yield at, value
        for name, part in value.items():
            if name not in ("example", "examples", "const", "enum"):
                yield from schemas(part, f"{at}/{name}")
    elif isinstance(value, list):
        for n, part in enumerate(value):
            yield from schemas(part, f"{at}/{n}")


def test_spectral_has_nothing_to_say(document, tmp_path):
    spectral = JUDGE / "node_modules/.bin/spectral"
    if not spectral.exists():
        pytest.skip("Spectral is not here: scripts/setup.sh test installs it")
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    command = [spectral, "lint", tmp_path / "openapi.json", "--ruleset", JUDGE / "ruleset.yaml", "--fail-severity", "hint", "--format", "json", "--quiet"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240)
    said = [f"{'.'.join(map(str, one['path']))}: {one['code']}: {one['message']}" for one in json.loads(run.stdout or "[]")]
    assert said == [] and run.returncode == 0, (said[:20], run.stderr)


def test_what_the_document_says_of_itself(document, server):
    info = document["info"]
    assert document["openapi"].startswith("3.1.") and info["title"] and info["summary"] and info["x-summary"] and info["x-api-id"]
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9+.-]+)?", info["version"])
    assert re.fullmatch(r"[^@ ]+@[^@ ]+", info["contact"]["email"]) and info["contact"]["url"].endswith("/contatti") and info["termsOfService"].endswith("/licenza")
    for server_ in document["servers"]:
        assert server_["description"] and (server_["url"].startswith("https://") or server_["x-sandbox"])
    assert document["servers"][0]["url"] == server.http
    for path in ("/contatti", "/licenza"):
        assert requests.get(server.http + path, timeout=60).status_code == 200


def test_behind_its_public_address_the_servers_are_https(lake, tmp_path):
    import shutil

    import conftest

    data = pathlib.Path(shutil.copytree(lake, tmp_path / "data"))
    with conftest.serving(data, "--public-url", "https://dati.example.org", "--contact", "ufficio@example.org", "--behind-proxy") as server:
        assert requests.get(server.http + "/status", timeout=60).headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        document = requests.get(server.http + "/api/openapi.json", timeout=60).json()
        assert document["servers"][0]["url"] == "https://dati.example.org" and not document["servers"][0]["x-sandbox"]
        assert document["info"]["contact"]["email"] == "ufficio@example.org"
        turtle = requests.get(server.http + "/catalog.ttl", timeout=60).text
        assert "<https://dati.example.org/catalog>" in turtle and "mailto:ufficio@example.org" in turtle and "127.0.0.1" not in turtle


def test_paths_are_kebab_case_nouns(document):
    # A format is an extension of the resource; Spectral's and AgID's patterns know extensions only without a variable before them.
    extension = re.compile(r"\.\{format\}|(?<=\})(\.[a-z]+)+$")
    for path in document["paths"]:
        assert re.fullmatch(r"(/[a-z0-9.-]+|/\{[a-zA-Z0-9_]+\})+", extension.sub("", path)), path
        assert not re.search(r"/(get|post|put|delete|patch|create|remove|list)\b", path), path
    for path, _, operation, _ in operations(document):
        assert not re.match(r"(get|post|put|delete|patch|head)", operation["operationId"]), path


def test_status_is_a_problem_document_in_words_and_in_deed(document, server):
    content = document["paths"]["/status"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["application/problem+json"]
    assert {"status", "title", "detail"} <= set(resolved(document, content["application/problem+json"]["schema"])["properties"])
    answer = requests.get(server.http + "/status", timeout=60)
    assert answer.status_code == answer.json()["status"] == 200 and answer.headers["content-type"].startswith("application/problem+json")


def test_errors_are_problems(document):
    for path, method, status, response in responses(document):
        if re.match(r"4|5|default", status) and not response.get("x-noqa"):
            assert set(response["content"]) == {"application/problem+json"}, (path, method, status)
            schema = resolved(document, response["content"]["application/problem+json"]["schema"])
            assert {"type", "title", "status", "detail"} <= set(schema["properties"]), (path, status)
    # Only where the shape of errors is another system's.
    assert {path.split("/action/")[0] for path, _, _, response in responses(document) if response.get("x-noqa")} == {"/api/3", "/api"}


def test_limits_are_in_every_answer(document):
    for path, method, status, response in responses(document):
        headers = response.get("headers", {})
        if status[0] in "24":
            assert LIMITS <= set(headers), (path, method, status)
        if status in ("429", "503"):
            assert "Retry-After" in headers, (path, method, status)
    for path, method, operation, _ in operations(document):
        assert {"429", "503"} <= set(operation["responses"]), (path, method)


def test_numbers_have_formats_and_what_clients_send_has_bounds(document):
    for at, schema in schemas(document):
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if "integer" in kinds:
            assert schema.get("format") in ("int32", "int64"), at
        if kinds == ["number"]:
            assert schema.get("format") in ("float", "double", "decimal32", "decimal64", "decimal128"), at
    for path, method, _, parameters in operations(document):
        for parameter in parameters:
            schema = resolved(document, parameter["schema"])
            if schema["type"] == "string":
                assert {"maxLength", "pattern", "enum", "format"} & set(schema), (path, parameter["name"])
            if schema["type"] == "integer":
                assert "minimum" in schema and "maximum" in schema, (path, parameter["name"])
            if schema["type"] == "array":
                assert "maxItems" in schema, (path, parameter["name"])


def test_json_answers_are_objects(document):
    for path, _, status, response in responses(document):
        for media, content in response.get("content", {}).items():
            if re.fullmatch(r"application/(.*\+)?json", media) and "schema" in content:
                schema = resolved(document, content["schema"])
                assert schema.get("type", "object") == "object", (path, status)


def test_headers_are_hyphenated_and_credentials_are_in_none(document):
    for path, method, operation, parameters in operations(document):
        for parameter in parameters:
            if parameter["in"] == "header":
                assert parameter["name"].lower() not in ("accept", "authorization", "content-type")
                assert re.fullmatch(r"[A-Z][a-z]*(-[A-Z][a-z]*)*", parameter["name"]), parameter["name"]
            else:
                assert not re.search("password|secret|apikey", parameter["name"], re.I), path
        if method in ("get", "head", "delete"):
            assert "requestBody" not in operation, path
        if method == "patch":
            assert operation["requestBody"]["required"] and "application/json" not in operation["requestBody"]["content"]
    for path, method, status, response in responses(document):
        for name in response.get("headers", {}):
            assert not name.lower().startswith("x-") or name in LIMITS, (path, name)
        if status in ("204", "205", "304"):
            assert "content" not in response, path


def test_every_operation_says_who_may_call_it(document):
    schemes = set(document["components"]["securitySchemes"])
    for path, _, operation, _ in operations(document):
        for one in operation.get("security", document["security"]):
            assert set(one) <= schemes, path


def test_the_document_is_found_from_where_programs_begin(server):
    for path in ("/", "/status", "/api/v1/datasets", "/catalog"):
        links = requests.utils.parse_header_links(requests.get(server.http + path, timeout=60, headers={"Accept": "*/*"}).headers["link"])
        assert {"/api/openapi.json"} == {link["url"] for link in links if link["rel"] == "service-desc"}, path

"""publiccode.yml has what the standard asks for (core schema: mandatory keys, lengths, vocabularies used here)."""

import yaml

from conftest import ROOT

CATEGORIES = {"business-intelligence", "data-analytics", "data-collection", "data-visualization"}
SCOPES = {"local-authorities", "society", "welfare"}
LANGUAGES = {"it", "en"}


def test_publiccode():
    code = yaml.safe_load((ROOT / "publiccode.yml").read_text(encoding="utf-8"))
    for key in ["publiccodeYmlVersion", "name", "url", "platforms", "categories", "developmentStatus", "softwareType"]:
        assert code[key], key
    assert set(code["categories"]) <= CATEGORIES
    assert set(code["intendedAudience"]["scope"]) <= SCOPES
    assert code["softwareType"] == "standalone/backend"
    assert code["developmentStatus"] in {"concept", "development", "beta", "stable", "obsolete"}
    assert set(code["description"]) == set(code["localisation"]["availableLanguages"]) == LANGUAGES
    for text in code["description"].values():
        assert len(text["shortDescription"]) <= 150
        assert 150 <= len(text["longDescription"]) <= 10_000
        assert text["features"]
    assert code["legal"]["license"] == "EUPL-1.2"
    assert code["maintenance"]["type"] in {"internal", "contract", "community", "none"}
    assert code["maintenance"]["contacts"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2") and "Compatible Licences" in licence

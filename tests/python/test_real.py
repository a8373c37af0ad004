"""Published administrative files as they are, through mappings that stand beside the contracts."""

import decimal
import json
import pathlib
import shutil

import pytest

import deliveries

REAL = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/real is not here")


@pytest.fixture(scope="module")
def data(lake, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "data"
    shutil.copytree(lake, folder)
    return folder


def deliver(siss, data, dataset, file):
    done = siss("deliver", file, "--data", data, "--dataset", dataset, "--sender", "lazio", "--period", "2024", "--json")
    assert done.returncode in (0, 3), done.stderr + done.stdout
    return json.loads(done.stdout), deliveries.table(data, dataset)


def test_food_aid_adds_up_to_the_cent(siss, data):
    report, table = deliver(siss, data, "riferimenti.solidarieta_alimentare", REAL / "solidarieta-alimentare" / "allegati.csv")
    rows = [r for r in table.to_pylist() if r["regione"] == "LAZIO"]
    assert report["refused"] == 0 and report["rows"] == 7904
    assert len({r["codice_istat"] for r in rows}) == 378, "every comune of Lazio is known by its ISTAT code"
    assert all(r["ambito"] for r in rows)
    assert sum(r["contributo"] for r in rows) == decimal.Decimal("36994493.15")


def test_family_clinics_keep_their_defects_visible(siss, data):
    report, table = deliver(siss, data, "riferimenti.consultori", REAL / "consultori" / "consultori.csv")
    rows = table.to_pylist()
    assert report["rows"] == 927 and len(rows) == report["accepted"] == 927 - report["refused"]
    lazio = [r for r in rows if r["codice_istat"]]
    assert len(lazio) > 130 and all(r["ambito"] for r in lazio)
    assert {v["rule"] for v in report["violations"]} <= {"key.unique", "telefono.pattern", "codice_istat.references", "sito.max_length", "provincia.pattern", "comune.required", "indirizzo.required"}


def test_nursing_homes_with_line_breaks_in_cells(siss, data):
    report, table = deliver(siss, data, "riferimenti.residenze_anziani", REAL / "rsa-lombardia" / "rsa.csv")
    rows = table.to_pylist()
    assert report["rows"] == 650 and len(rows) == report["accepted"]
    assert any(r["denominazione"] == "FONDAZIONE HONNEGER R.S.A. STRUTTURA" for r in rows), "line breaks inside cells are blanks"
    assert not any("\n" in (r["indirizzo"] or "") for r in rows)
    assert "E-MAIL" not in table.column_names and "e_mail" not in table.column_names

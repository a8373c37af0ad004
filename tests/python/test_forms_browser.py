"""What script adds to forms, in a real Chromium, on a lake of its own."""

import shutil

import pytest

import conftest
import deliveries
from desk import Browser

OWN, OFFICE = "058091", "comune_058091"


@pytest.fixture(scope="module")
def here(lake, tmp_path_factory):
    """A server whose municipality of Rome has more facilities than a form lists."""
    data = shutil.copytree(lake, tmp_path_factory.mktemp("forms") / "data")
    with conftest.serving(data) as server:
        codes = [f"S{OWN}-{number}" for number in range(95_000, 95_600)]
        report = Browser(server, OFFICE).send("assa.strutture", OWN, "2026-12", "strutture.csv", deliveries.facilities(deliveries.model(data), codes))
        assert report.status_code == 200, report.text
        yield server


def test_a_register_with_many_rows_is_searched_while_one_types(here, chromium):
    context = chromium.new_context(base_url=here.http, locale="it-IT")
    page = context.new_page()
    page.goto("/accedi")
    page.fill("input[name=utenza]", OFFICE)
    page.fill("input[name=password]", here.password)
    page.click("main button[type=submit]")
    page.goto("/moduli/assa/ispezioni")
    field = page.get_by_label("Struttura").first
    options = page.locator(f"datalist[id='{field.get_attribute('list')}'] option")
    assert options.count() == 0 and field.get_attribute("data-campo") == "assa.ispezioni.codice_struttura"
    field.press_sequentially(f"{OWN}-9512")
    options.first.wait_for(state="attached")
    assert [option.get_attribute("value") for option in options.all()] == [f"S{OWN}-9512{n}" for n in range(10)]
    # Who has no script is led to the register.
    assert page.locator("[id='v.codice_struttura.aiuto'] a").get_attribute("href").startswith("/dataset/assa/strutture")
    context.close()

"""The pages about figures and places in a real Chromium: a citizen looks for a nido on a phone, with and without script; a viewer shares what
the explorer found."""

import re

import pytest

from browser import PHONE

ITALIAN = {"locale": "it-IT"}


@pytest.mark.parametrize("script", [False, True])
def test_a_citizen_finds_a_nido_on_a_phone(window, script):
    one = window(size=PHONE, script=script, **ITALIAN)
    page = one.page
    one.open("/mappa")
    page.get_by_label("Comune o indirizzo").fill("Fiumicino")
    page.get_by_label("Gestione").select_option("privata")
    page.locator("#cerca-servizi button[type=submit]").click()
    page.wait_for_url(re.compile("q=Fiumicino"))
    assert page.locator("#risultati").inner_text() == "Vicino a Fiumicino"
    first = page.locator("#elenco > li").first
    assert "Fiumicino" in first.inner_text() and "privato" in first.inner_text()
    assert page.locator("#mappa .siss-spot").count() > 0
    if script:
        before = page.locator("#mappa").get_attribute("viewBox")
        page.get_by_role("button", name="Ingrandisci la mappa").click()
        assert page.locator("#mappa").get_attribute("viewBox") != before
        assert page.locator("#qui").is_visible()
    else:
        assert not page.locator("#qui").is_visible()
    first.get_by_role("link", name="Fiumicino").click()
    page.wait_for_url(re.compile("/territorio/058120"))
    assert page.get_by_role("heading", name="Fiumicino", exact=True).is_visible()
    assert one.faults == []


def test_a_citizen_finds_a_nido_with_the_keyboard_alone(window):
    one = window(script=False, **ITALIAN)
    page = one.page

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.locator(f"{selector}:focus").count():
                return
        raise AssertionError(f"the keyboard does not come to {selector}")

    one.open("/mappa")
    tab_to("main #q")
    page.keyboard.type("Fiumicino")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=Fiumicino"))
    tab_to("a[href='#elenco']")
    page.keyboard.press("Enter")
    tab_to("#elenco a")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/territorio/058120"))


def test_a_position_is_asked_for_only_when_the_button_is_pressed(window):
    one = window(size=PHONE, geolocation={"latitude": 41.77, "longitude": 12.24}, permissions=["geolocation"], **ITALIAN)
    page = one.page
    one.open("/mappa")
    assert "lat=" not in page.url
    page.locator("#qui").click()
    page.wait_for_url(re.compile(r"lat=41\.770&lon=12\.240"))
    assert page.locator("#risultati").inner_text() == "Vicino a te"
    assert "Fiumicino" in page.locator("#elenco > li").first.inner_text()


def test_a_viewer_shares_what_the_explorer_found(window):
    one = window(**ITALIAN)
    page = one.page
    one.open("/esplora?dataset=sirse.servizi")
    page.get_by_label("Misura").select_option("sum")
    page.locator("#colonna").select_option("posti_autorizzati")
    page.locator("#gruppo0").select_option("anno")
    page.locator("#perno").select_option("titolarita")
    page.get_by_role("button", name="Calcola").click()
    page.wait_for_url(re.compile("misura=sum"))
    table, address = page.locator("#tabella").inner_text(), page.url
    assert page.locator("figure svg").count() == 1
    other = window(size=PHONE, script=False, **ITALIAN)
    other.open(address)
    assert other.page.locator("#tabella").inner_text() == table

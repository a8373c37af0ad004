"""The pages about figures and places in a real Chromium: a citizen looks for a nido on a phone, with and without script; a viewer shares what
the explorer found."""

import re

import pytest

playwright = pytest.importorskip("playwright.sync_api")

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True, "locale": "it-IT"}
DESKTOP = {"viewport": {"width": 1280, "height": 900}, "locale": "it-IT"}


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def fits(page):
    """Nothing hangs over the side of the screen."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("script", [False, True])
def test_a_citizen_finds_a_nido_on_a_phone(server, chromium, script):
    context = chromium.new_context(**PHONE, java_script_enabled=script)
    page = context.new_page()
    faults = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: faults.append(request.url) if not request.url.startswith((server.http, "data:")) else None)
    page.goto(server.http + "/mappa")
    page.get_by_label("Comune o indirizzo").fill("Fiumicino")
    page.get_by_label("Gestione").select_option("pubblica")
    page.locator("#cerca-servizi button[type=submit]").click()
    page.wait_for_url(re.compile("q=Fiumicino"))
    assert page.locator("#risultati").inner_text() == "Vicino a Fiumicino"
    first = page.locator("#elenco > li").first
    assert "Fiumicino" in first.inner_text() and "pubblico" in first.inner_text()
    assert page.locator("#mappa .siss-mark").count() > 0
    if script:
        assert fits(page)
        before = page.locator("#mappa").get_attribute("viewBox")
        page.get_by_role("button", name="Ingrandisci la mappa").click()
        assert page.locator("#mappa").get_attribute("viewBox") != before
        assert page.locator("#qui").is_visible()
    else:
        assert not page.locator("#qui").is_visible()
    first.get_by_role("link", name="Fiumicino").click()
    page.wait_for_url(re.compile("/territorio/058120"))
    assert page.get_by_role("heading", name="Fiumicino", exact=True).is_visible()
    assert faults == []
    context.close()


def test_a_position_is_asked_for_only_when_the_button_is_pressed(server, chromium):
    context = chromium.new_context(**PHONE, geolocation={"latitude": 41.77, "longitude": 12.24}, permissions=["geolocation"])
    page = context.new_page()
    page.goto(server.http + "/mappa")
    assert "lat=" not in page.url
    page.locator("#qui").click()
    page.wait_for_url(re.compile(r"lat=41\.770&lon=12\.240"))
    assert page.locator("#risultati").inner_text() == "Vicino a te"
    assert "Fiumicino" in page.locator("#elenco > li").first.inner_text()
    context.close()


def test_a_viewer_shares_what_the_explorer_found(server, chromium):
    context = chromium.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(server.http + "/esplora?dataset=sirse.servizi")
    page.get_by_label("Misura").select_option("sum")
    page.locator("#colonna").select_option("posti_autorizzati")
    page.locator("#gruppo0").select_option("anno")
    page.locator("#perno").select_option("titolarita")
    page.get_by_role("button", name="Calcola").click()
    page.wait_for_url(re.compile("misura=sum"))
    table, address = page.locator("#tabella").inner_text(), page.url
    assert page.locator("figure svg").count() == 1
    context.close()
    other = chromium.new_context(**PHONE, java_script_enabled=False)
    again = other.new_page()
    again.goto(address)
    assert again.locator("#tabella").inner_text() == table
    other.close()


@pytest.mark.parametrize("address", ["/indicatori", "/indicatore/copertura_nido", "/territorio", "/territorio/058091", "/esplora?dataset=sirse.servizi&misura=count&gruppo=tipo", "/mappa?q=Roma"])
def test_no_page_hangs_over_a_phone(server, chromium, address):
    context = chromium.new_context(**PHONE)
    page = context.new_page()
    page.goto(server.http + address)
    assert fits(page), address
    context.close()

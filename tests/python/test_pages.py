"""Every page, in both languages, as every visitor meets it: any width, any light, keyboard only, script off, on paper."""

import re
import types
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from browser import DESKTOP, LANGUAGES, PHONE, nu
from pages import PAGES, routes

EACH = [pytest.param(page, language, id=f"{page}-{language}") for page in PAGES for language in LANGUAGES]


@pytest.fixture(scope="module")
def look(window):
    """look(page, language): everything about a page that one visit shows, kept for the tests below."""
    seen, windows = {}, {}

    def windows_of(who):
        if who not in windows:
            windows[who] = window(who), window(who, script=False)
        return windows[who]

    def once(page, language):
        if (page, language) in seen:
            return seen[page, language]
        with_script, without = windows_of(page.who)
        this = types.SimpleNamespace(axe={}, wide={})
        with_script.resize(DESKTOP)
        answer = with_script.open(page.at(language))
        this.status, this.html, this.headers = answer.status, answer.text(), answer.headers
        this.asked, this.faults = list(with_script.asked), list(with_script.faults)
        this.axe["desktop"] = with_script.axe()
        with_script.resize(PHONE)
        this.axe["phone"] = with_script.axe()
        for width in (640, 320):
            with_script.resize({"width": width, "height": 512})
            this.wide[width] = with_script.wider_than_window()
        with_script.resize(DESKTOP)
        with_script.page.emulate_media(media="print")
        this.paper = with_script.page.evaluate(PAPER)
        with_script.page.emulate_media(media="screen", color_scheme="dark")
        this.axe["dark"] = with_script.axe("color-contrast", "link-in-text-block")
        with_script.page.emulate_media(color_scheme="light")
        this.text = with_script.text()
        without.open(page.at(language))
        this.unscripted = without.text()
        seen[page, language] = this
        return this

    return once


# What would be printed in another colour than black on white, and navigation that would be printed at all.
PAPER = """() => {
  const shown = e => e.checkVisibility({ visibilityProperty: true });
  const light = colour => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return a === 0 || r * .299 + g * .587 + b * .114 > 200; };
  const faults = [...document.querySelectorAll('header, footer, nav, .skiplinks, button')].filter(shown).map(e => 'printed: ' + e.outerHTML.slice(0, 100));
  for (const element of document.querySelectorAll('body, body *:not(svg *)')) {
    if (!shown(element) || !element.textContent.trim()) continue;
    const style = getComputedStyle(element);
    if (!light(style.backgroundColor)) faults.push('dark on paper: ' + element.outerHTML.slice(0, 100));
    if (light(style.color)) faults.push('pale on paper: ' + element.outerHTML.slice(0, 100));
  }
  return faults.slice(0, 10);
}"""


def test_no_page_is_forgotten():
    assert routes() == {page.route for page in PAGES if page.route}


@pytest.mark.parametrize("page, language", EACH)
def test_answers_in_its_language_at_once(look, page, language):
    seen = look(page, language)
    assert seen.status == page.status and f'<html lang="{language}">' in seen.html
    assert seen.headers["content-language"] == language
    assert len(seen.html.encode()) < 150_000, "a page is lighter than 150 kB before images"
    later = [asked for asked in seen.asked if asked[0] not in ("document", "stylesheet", "font", "script", "image", "other")]
    assert not later, "content comes with the page, not by a second question"
    assert not seen.faults, "the browser complains of nothing"


@pytest.mark.parametrize("page, language", EACH)
def test_axe_finds_nothing(look, page, language):
    assert look(page, language).axe == {"desktop": [], "phone": [], "dark": []}


@pytest.mark.parametrize("page, language", EACH)
def test_fits_at_any_zoom(look, page, language):
    """200 % of a small desktop window, and 400 %: as wide as a narrow phone."""
    assert look(page, language).wide == {640: [], 320: []}


@pytest.mark.parametrize("page, language", EACH)
def test_the_same_without_script(look, page, language):
    seen = look(page, language)
    assert seen.unscripted == seen.text and len(seen.text) > 10


@pytest.mark.parametrize("page, language", EACH)
def test_prints_black_on_white(look, page, language):
    assert look(page, language).paper == []


@pytest.mark.parametrize("page, language", EACH)
def test_nothing_inline(look, page, language):
    """The policy of our own headers would refuse it."""
    html = look(page, language).html
    assert not re.findall(r"<style\b|<[^>]*\sstyle=|<[^>]*\son\w+=|<script(?![^>]*\ssrc=)[^>]*>(?!\s*[{\[])", html)


@pytest.mark.parametrize("page, language", EACH)
def test_the_other_language_is_at_the_same_address(look, page, language):
    other = "en" if language == "it" else "it"
    links = re.findall(rf'<(?:a|link)\s[^>]*hreflang="{other}"[^>]*>', look(page, language).html)
    assert len(links) == 2, "one link for people, one for programs"
    wanted = urlsplit(page.address)
    for link in links:
        at = urlsplit(unescape(re.search(r'\shref="([^"]*)"', link)[1]))
        assert at.path == wanted.path
        assert parse_qsl(at.query, keep_blank_values=True) == [*parse_qsl(wanted.query, keep_blank_values=True), ("lang", other)]


def test_links_lead_somewhere(look, server):
    """Addresses of ours that a page names answer, and have the mark that the link jumps to: of each kind and page, three."""
    links, kinds = {}, Counter()
    for page in (page for page in PAGES if page.status == 200):
        for href in re.findall(r'<a\s[^>]*?\bhref="([^"]*)"', look(page, "it").html):
            url = urljoin(server.http + page.at("it"), unescape(href))
            path = urlsplit(url).path
            kind = (page, path.split("/")[1], path.rpartition(".")[2] if "." in path else None)
            if url.startswith(server.http) and url not in links and kinds[kind] < 3:
                kinds[kind] += 1
                links[url] = page
    tokens = {who: server.token(who) for who in {page.who for page in PAGES} if who}

    def ask(link):
        url, page = link
        headers = {"Accept": "text/html, */*;q=0.8"} | ({"Authorization": f"Bearer {tokens[page.who]}"} if page.who else {})
        with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
            if answer.status_code >= 400 and not (answer.status_code == 401 and "/accedi" in url):
                return f"{page} -> {url}: {answer.status_code}"
            mark = urlsplit(url).fragment
            if mark and f'id="{mark}"' not in answer.text:
                return f"{page} -> {url}: no such mark"
        return None

    with ThreadPoolExecutor(4) as together:
        assert [wrong for wrong in together.map(ask, sorted(links.items(), key=str)) if wrong] == []
    assert len(links) > 50


def test_html_is_valid(look, tmp_path):
    files = []
    for page in PAGES:
        for language in LANGUAGES:
            file = tmp_path / (re.sub(r"\W+", "_", f"{page}_{language}") + ".html")
            file.write_text(look(page, language).html, encoding="utf-8")
            files.append(file)
    assert nu(files) == []


def test_the_judges_judge(window, tmp_path):
    """A page with a fault of each kind is found out."""
    bad = window()
    bad.page.set_content("<!doctype html><html><body style='width:2000px'><img src='data:,'><p style='color:#eee'>pale</p><button>x</button></body></html>")
    found = " ".join(bad.axe())
    assert "html-has-lang" in found and "image-alt" in found and "color-contrast" in found
    assert bad.wider_than_window()
    bad.page.emulate_media(media="print")
    assert len(bad.page.evaluate(PAPER)) == 2
    (tmp_path / "bad.html").write_text("<!doctype html><html lang=it><title>x</title><p><div></p>", encoding="utf-8")
    assert nu([tmp_path / "bad.html"])

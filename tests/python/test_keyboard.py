"""Pages by keyboard alone: everything can be reached, in order, is seen when it is, and is left again."""

import pytest
from browser import DESKTOP, PHONE
from pages import PAGES

# Where the focus is: its place among all that can have it, whether it can be seen there, and what marks it.
FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const box = at.getBoundingClientRect(), style = getComputedStyle(at), parent = getComputedStyle(at.parentElement);
  const ringed = style => (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  return {
    html: at.outerHTML.slice(0, 120),
    seen: box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && at.checkVisibility({ visibilityProperty: true }),
    marked: ringed(style) || ringed(parent),
    // A day, month and year are stops of one field.
    first: !at.visited || (at.type === 'date' && at === window.before), visited: (at.visited = true), before: (window.before = at, true),
  };
}"""
# All that Tab should reach: of radio buttons one a group, and nothing inside closed details.
REACHABLE = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter(e => !e.disabled && !e.closest('[hidden]') && e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && !(e.type === 'radio' && !e.checked))
  .filter(e => !e.visited).map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("page", PAGES, ids=str)
def test_tab_reaches_everything_and_leaves_again(window, page, size):
    visitor = window(page.who, size)
    visitor.open(page.at("it"))
    stops = []
    while True:
        visitor.page.keyboard.press("Tab")
        focus = visitor.page.evaluate(FOCUS)
        if focus is None or not focus["first"]:
            break
        stops.append(focus)
        assert len(stops) < 2000
    assert focus is None, f"the focus stays in the page: {focus['html']}"
    assert [stop["html"] for stop in stops if not stop["seen"]] == [], "what has the focus is seen"
    assert [stop["html"] for stop in stops if not stop["marked"]] == [], "what has the focus is marked"
    assert visitor.page.evaluate(REACHABLE) == [], "everything is reached"
    assert 'href="#main"' in stops[0]["html"], "the first stop leads past the header"
    visitor.context.close()


def test_skip_link_menu_and_search(window):
    visitor = window(size=PHONE)
    visitor.open("/?lang=it")
    page = visitor.page
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getBoundingClientRect().height") > 10, "the skip link shows itself"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => !!document.activeElement.closest('main')"), "the next stop is in the content"
    summary = page.locator("header summary")
    summary.focus()
    assert not page.locator("header details nav").is_visible()
    page.keyboard.press("Enter")
    assert page.locator("header details nav").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cerca?lang=it")
    page.locator("main input[name=q]").focus()
    page.keyboard.type("nidi")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cerca?*q=nidi*")
    assert page.locator(".siss-results li").count() > 0 and page.locator("html[lang=it]").count() == 1

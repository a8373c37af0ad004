"""The paths of people through several pages, in a real Chromium, as they go them: nothing is called that they could not press."""

import csv
import io
import re

from browser import DESKTOP

ITALIAN = {"locale": "it-IT"}


def test_a_viewer_filters_the_financial_dashboard_and_prints_it(window):
    one = window("pianificatore", DESKTOP, **ITALIAN)
    page = one.page
    one.open("/cruscotti")
    page.get_by_role("link", name="Risorse finanziarie").click()
    whole = rows_of(page, "per_fondo")
    page.get_by_label("Anno", exact=True).select_option("2025")
    page.get_by_label("Distretto", exact=True).select_option("RM 5.1")
    page.get_by_role("button", name="Mostra").click()
    page.wait_for_url(re.compile(r"anno=2025&ambito=RM(\+|%20)5\.1"))
    chosen = rows_of(page, "per_fondo")
    assert chosen and chosen != whole
    # The file beside the picture holds the very numbers of the table.
    link = page.get_by_role("link", name=re.compile("^CSV: Importi per fondo"))
    with page.expect_download() as download:
        link.click()
    head, *lines = csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8")))
    assert [[plain(cell) for cell in row[1:]] for row in chosen] == [[plain(cell.replace(".", ",")) for cell in line[-len(row) + 1 :]] for row, line in zip(chosen, lines)]
    # On paper: what was chosen, the pictures and their tables; nothing to press.
    page.emulate_media(media="print")
    shown = page.locator("main").inner_text()
    assert "Anno: 2025" in shown and "RM 5.1" in shown and chosen[0][0] in shown
    assert page.locator("main figure svg").first.is_visible()
    assert not any(page.locator(part).first.is_visible() for part in ("header", "footer", "main button[type=submit]"))
    paper = page.pdf(format="A4", print_background=False)
    assert paper.startswith(b"%PDF") and len(paper) > 10_000
    assert one.faults == []


def rows_of(page, panel):
    """The cells of a panel's table, whether it is unfolded or not."""
    return page.locator(f"#{panel} tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))")


def plain(number):
    """An amount as Italians write it, without what only the eye needs."""
    digits = re.sub(r"[^\d,-]", "", number.replace("\N{MINUS SIGN}", "-"))
    return digits.rstrip("0").rstrip(",") if "," in digits else digits

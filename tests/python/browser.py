"""A real Chromium for tests of pages (a plugin of conftest.py): windows of visitors, and judges that look at what they show."""

import json
import pathlib
import shutil
import subprocess

import pytest
from playwright.sync_api import sync_playwright

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
LANGUAGES = ["it", "en"]
JUDGES = pathlib.Path(__file__).resolve().parents[1] / "node/node_modules"
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]}
# What only script shows carries one of these, and is not there without it.
SCRIPTED = "[data-copy], [data-print], [data-script]"


# Not for the session: while Playwright runs, an event loop does, and tests of other files start their own.
@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium")
    assert program, "Chromium is missing: scripts/setup.sh test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def window(chromium, server):
    """window(who=None, size=DESKTOP, script=True, **options of a context): a Window; see there."""
    tokens, windows = {}, []

    def open_one(who=None, size=DESKTOP, script=True, **options):
        headers = {}
        if who:
            tokens[who] = tokens.get(who) or server.token(who)
            headers = {"Authorization": f"Bearer {tokens[who]}"}
        # Without motion what is measured is where it will stay.
        options = {"viewport": size, "java_script_enabled": script, "reduced_motion": "reduce"} | options
        options |= {"base_url": server.http, "extra_http_headers": headers}
        windows.append(Window(chromium.new_context(**options), server.http))
        return windows[-1]

    yield open_one
    for one in windows:
        one.context.close()
    foreign = sorted({url for one in windows for url in one.foreign})
    assert not foreign, f"pages asked other sites for {foreign}"


class Window:
    """One visitor's window: .page, what it asked for since the last look, and what the browser complained of."""

    def __init__(self, context, http):
        self.context, self.http = context, http
        self.asked, self.faults, self.foreign = [], [], []
        context.on("request", self.record)
        self.page = context.new_page()
        self.page.on("console", lambda message: self.faults.append(message.text) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def record(self, request):
        self.asked.append((request.resource_type, request.url))
        if not request.url.startswith((self.http + "/", "data:", "blob:")):
            self.foreign.append(request.url)

    def open(self, address):
        """Goes there; the answer of the page itself. Forgets what was asked for before."""
        self.asked.clear()
        self.faults.clear()
        answer = self.page.goto(address, wait_until="load")
        if answer.status >= 400:
            # Chromium complains of the page's own status too.
            self.faults[:] = [fault for fault in self.faults if f"status of {answer.status}" not in fault]
        return answer

    def axe(self, *rules):
        """What axe-core finds against the guidelines, or `rules` alone: one line a finding."""
        if not self.page.evaluate("() => 'axe' in window"):
            # Evaluated by the debugger: the page's own policy stays in force.
            self.page.evaluate(f"{(JUDGES / 'axe-core/axe.min.js').read_text(encoding='utf-8')};0")
        options = AXE | ({"runOnly": {"type": "rule", "values": list(rules)}} if rules else {})
        found = self.page.evaluate("options => axe.run(document, options)", options)["violations"]
        return [f"{rule['id']}: {rule['help']}: {node['target']} {node['html'][:200]}" for rule in found for node in rule["nodes"]]

    def resize(self, size):
        self.page.set_viewport_size(size)

    def wider_than_window(self):
        """Elements that stick out of the window sideways, when the page can be scrolled there."""
        return self.page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              const out = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1);
              return ['page is ' + document.documentElement.scrollWidth + ' wide in ' + width, ...out.slice(0, 5).map(e => e.outerHTML.slice(0, 120))];
            }"""
        )

    def text(self):
        """What can be read, line by line, without what only script shows."""
        read = """scripted => {
          for (const element of document.querySelectorAll(scripted)) element.hidden = true;
          return document.body.innerText;
        }"""
        return [line.strip() for line in self.page.evaluate(read, SCRIPTED).splitlines() if line.strip()]


def nu(files):
    """What the Nu checker finds in HTML files: one line a finding. One run of Java for all of them."""
    jar = JUDGES / "vnu-jar/build/dist/vnu.jar"
    command = ["java", "-Xss1m", "-jar", jar, "--errors-only", "--format", "json", "--exit-zero-always", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(done.stderr)["messages"]
    return [f"{pathlib.Path(one['url']).name}:{one.get('lastLine')}: {one['message']}: {one.get('extract', '')!r}" for one in found]

"""A person at a browser, without script: signs in by the form and sends forms as a page has them."""

import re
from html import unescape

import requests

WORD = re.compile(r'name="modulo" value="([^"]*)"')


class Browser:
    def __init__(self, server, account=None):
        self.http, self.session = server.http, requests.Session()
        # A person's browser, in Italian.
        self.session.headers.update({"Accept": "text/html", "Accept-Language": "it", "Origin": server.http})
        if account:
            answer = self.enter(account, server.password)
            assert answer.status_code == 303, answer.text

    def enter(self, account, password, **more):
        return self.session.post(f"{self.http}/accedi", data={"utenza": account, "password": password, **more}, allow_redirects=False, timeout=60)

    def get(self, path, **options):
        return self.session.get(self.http + path, timeout=60, **options)

    def word(self, path="/sql"):
        """The word that the forms of a page carry."""
        return unescape(WORD.search(self.get(path).text).group(1))

    def post(self, path, fields=None, word=None, **options):
        data = {"modulo": self.word() if word is None else word, **(fields or {})}
        return self.session.post(self.http + path, data=data, timeout=60, **{"allow_redirects": False} | options)

    def send(self, dataset, sender, period, name, content, word=None):
        """The form of /consegne with a file; follows to the report."""
        fields = {"modulo": self.word() if word is None else word, "dataset": dataset, "ente": sender, "periodo": period}
        return self.session.post(f"{self.http}/consegne", data=fields, files={"file": (name, content)}, timeout=60)


def html(answer):
    """The text of a page without escapes, to look for addresses in."""
    return unescape(answer.text)


def text(answer):
    """What a page says, as its reader reads it."""
    words = re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|style|head)\b.*?</\1>", " ", answer.text))
    return " ".join(unescape(words).split())


def errors(answer):
    """Names and values of the fields that a report's form shows as wrong, and of all its fields."""
    found = re.findall(r'<input id="c\.[^"]*" name="(c\.[^"]*)" value="([^"]*)"[^>]*?(aria-invalid="true")?[^>]*>', answer.text)
    cells = {name: unescape(value) for name, value, _ in found}
    wrong = re.findall(r'name="(c\.[^"]*)"[^>]*aria-invalid="true"', answer.text)
    return wrong, cells

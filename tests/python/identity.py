"""Identity providers for tests: a real one (oidc-provider, certified), and a hostile one that does what a certified one will not."""

import base64
import contextlib
import hashlib
import http.server
import json
import pathlib
import re
import socket
import subprocess
import threading
import time
import types
import urllib.parse

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from persons import Person

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "node/provider.mjs"
CLIENT, SECRET = "siss-di-prova", "un segreto di prova: +/=%&" + "x" * 30
FISCAL = "https://attributes.eid.gov.it/fiscal_number"
L1, L2 = "https://www.spid.gov.it/SpidL1", "https://www.spid.gov.it/SpidL2"

MAPPING = f"""
scopes = ["profile"]
ask = "{L2}"
unknown = "%s"

[levels]
"{L1}" = 1
"{L2}" = 2

[person]
claim = "{FISCAL}"
prefix = "TINIT-"

[[role]]
claim = "gruppi"
value = "siss-comune"
role = "comune"
facts = {{ codice_istat = "codice_istat" }}

[[role]]
claim = "gruppi"
value = "siss-ispettore"
role = "ispettore"
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def options(folder, port, unknown="cittadino"):
    """What siss is started with."""
    (folder / "mapping.toml").write_text(MAPPING % unknown, encoding="utf-8")
    (folder / "secret").write_text(SECRET + "\n", encoding="utf-8")
    issuer = f"http://127.0.0.1:{port}"
    return ["--oidc-issuer", issuer, "--oidc-client", CLIENT, "--oidc-secret", folder / "secret", "--oidc-mapping", folder / "mapping.toml"]


@contextlib.contextmanager
def real(port, siss, people):
    """The certified provider, with our registration as its operator would write it."""
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [f"{siss}/accedi/identita/ritorno"],
        "post_logout_redirect_uris": [f"{siss}/"],
        "backchannel_logout_uri": f"{siss}/accedi/identita/uscita",
        "backchannel_logout_session_required": True,
    }
    process = subprocess.Popen(["node", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        process.stdin.write(json.dumps({"port": port, "people": people, "client": client}))
        process.stdin.close()
        assert process.stdout.readline() == "ready\n", "the provider did not start: scripts/setup.sh test installs it"
        yield types.SimpleNamespace(issuer=f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def sent(answer):
    """Where an answer sends the browser, and with what."""
    address = urllib.parse.urlsplit(answer.headers["location"])
    return address, dict(urllib.parse.parse_qsl(address.query))


class Visit:
    """One person at a browser, hop by hop, between us and the real provider."""

    def __init__(self, browser, issuer):
        self.browser, self.issuer = browser, issuer

    def hop(self, address, **options):
        return self.browser.session.get(address, allow_redirects=False, timeout=60, **options)

    def begin(self, back=None):
        return self.browser.get("/accedi/identita", params={"da": back} if back else None, allow_redirects=False)

    def at_provider(self, answer, login, level=L2):
        """Goes to the provider and says who one is; gives the address at which one comes back."""
        page = self.hop(answer.headers["location"])
        if "/interaction/" in page.headers.get("location", ""):
            form = urllib.parse.urljoin(self.issuer, page.headers["location"])
            # A person reads the form before sending it.
            assert self.hop(form).status_code == 200
            done = self.browser.session.post(form, data={"login": login, "acr": level}, headers={"Origin": self.issuer}, allow_redirects=False, timeout=60)
            page = self.hop(done.headers["location"])
        return page.headers["location"]

    def enter(self, login, level=L2, back=None):
        """The whole way; the answer to coming back."""
        return self.hop(self.at_provider(self.begin(back), login, level))

    def confirm_end(self, address):
        """The provider's own page asks whether to end its session too."""
        page = self.hop(address)
        assert page.status_code == 200, page.text
        word = re.search(r'name="xsrf" value="([^"]*)"', page.text)[1]
        return self.browser.session.post(f"{self.issuer}/session/end/confirm", data={"xsrf": word, "logout": "yes"}, headers={"Origin": self.issuer}, allow_redirects=False, timeout=60)


def encoded(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


class Hostile:
    """A provider that says whatever `lie` tells it to: functions by the name of what they change."""

    def __init__(self):
        self.key, self.other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self.lie, self.asked, self.nonce = {}, [], None
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length).decode()
                path = urllib.parse.urlsplit(self.path).path
                provider.asked.append((path, dict(urllib.parse.parse_qsl(body)), self.headers.get("authorization")))
                status, headers, data = provider.say(path)
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def say(self, path):
        if path in self.lie:
            return self.lie[path]()
        here = self.issuer
        if path == "/.well-known/openid-configuration":
            said = {
                "issuer": here, "authorization_endpoint": f"{here}/auth", "token_endpoint": f"{here}/token", "jwks_uri": f"{here}/jwks",
                "userinfo_endpoint": f"{here}/me", "end_session_endpoint": f"{here}/end", "code_challenge_methods_supported": ["S256"],
            }
            return 200, {}, json.dumps(self.changed("description", said)).encode()
        if path == "/jwks":
            return 200, {}, json.dumps({"keys": [self.public(self.key, "one")]}).encode()
        if path == "/token":
            return 200, {}, json.dumps({"access_token": "a", "token_type": "Bearer", "id_token": self.token()}).encode()
        if path == "/me":
            return 200, {}, json.dumps(self.changed("me", {"sub": "s-1", FISCAL: "TINIT-" + Person(2).code})).encode()
        return 404, {}, b"{}"

    def changed(self, what, said):
        return self.lie[what](said) if what in self.lie else said

    @staticmethod
    def public(key, kid):
        numbers = key.public_key().public_numbers()
        part = lambda n: encoded(n.to_bytes((n.bit_length() + 7) // 8, "big"))
        return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": part(numbers.n), "e": part(numbers.e)}

    def claims(self, **changes):
        now = int(time.time())
        return {"iss": self.issuer, "aud": CLIENT, "sub": "s-1", "nonce": self.nonce, "iat": now, "exp": now + 300, "acr": L2, "sid": "sid-1"} | changes

    def token(self):
        head, claims = {"alg": "RS256", "kid": "one"}, self.claims()
        head, claims = self.changed("head", head), self.changed("claims", claims)
        return self.signed(head, claims)

    def signed(self, head, claims):
        text = f"{encoded(head)}.{encoded(claims)}"
        if head["alg"] == "none":
            return text + "."
        if head["alg"] == "HS256":
            # The classic: the public key, which everybody has, taken for a shared secret.
            code = hmac.HMAC(self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), hashes.SHA256())
            code.update(text.encode())
            return f"{text}.{encoded(code.finalize())}"
        key = self.other if self.lie.get("other key") else self.key
        return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def challenge(verifier):
    return encoded(hashlib.sha256(verifier.encode()).digest())

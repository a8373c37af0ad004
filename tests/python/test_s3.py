"""The whole pipeline on a real S3 server (moto's), through a small proxy that sees every request; and a server that ignores
`If-None-Match`, on which nothing may start."""

import concurrent.futures
import http.client
import http.server
import json
import shutil
import subprocess
import threading

import boto3
import psycopg
import pytest
import requests
from moto.server import ThreadedMotoServer

import conftest

PASSWORD = "una frase di prova"
REGISTERS = [("territorio.ambiti", "lazio", "2026"), ("territorio.comuni", "lazio", "2026")]


class Proxy(http.server.ThreadingHTTPServer):
    """Hands requests on; keeps method, path and `If-None-Match` of each. `deaf` leaves that header out, as some servers ignore it."""

    daemon_threads = True

    def __init__(self, port, deaf=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to, self.deaf, self.seen = port, deaf, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def hand_on(self):
        self.server.seen.append((self.command, self.path, self.headers.get("If-None-Match")))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if not (self.server.deaf and k.lower() == "if-none-match")}
        there = http.client.HTTPConnection("127.0.0.1", self.server.to, timeout=30)
        there.request(self.command, self.path, body, headers)
        answer = there.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        own = ("transfer-encoding", "connection", "date", "server") + (() if self.command == "HEAD" else ("content-length",))
        for name, value in answer.getheaders():
            if name.lower() not in own:
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        there.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = hand_on

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def bucket():
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", aws_access_key_id="chiave", aws_secret_access_key="segreto", region_name="us-east-1").create_bucket(Bucket="siss")
    yield port
    moto.stop()


def at(proxy, home):
    """Options of a lake behind the proxy; the secret goes by environment."""
    return ["--data", "s3://siss/prova", "--home", str(home), "--s3-endpoint", proxy.url, "--s3-key", "chiave", "--s3-allow-http"]


SECRET = {"SISS_S3_SECRET": "segreto"}


def test_the_whole_pipeline_on_s3(siss, lake, bucket, tmp_path, monkeypatch):
    proxy, home = Proxy(bucket), tmp_path / "home"
    options = at(proxy, home)

    def deliver(dataset, sender, period, file):
        done = siss("deliver", file, "--dataset", dataset, "--sender", sender, "--period", period, "--json", *options, env=SECRET)
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)

    region = lake / "region"
    for dataset, sender, period in REGISTERS:
        deliver(dataset, sender, period, region / dataset / period / f"{sender}.csv")
    files = sorted((region / "assa.strutture" / "2026-10").iterdir(), key=lambda f: f.stat().st_size)[-2:]
    senders = [f.name.split(".")[0] for f in files]
    # Two writers of one table at once: each commit is a put that must not overwrite the other's.
    with concurrent.futures.ThreadPoolExecutor() as two:
        reports = list(two.map(lambda s, f: deliver("assa.strutture", s, "2026-10", f), senders, files))
    again = deliver("assa.strutture", senders[0], "2026-10", files[0])
    assert again["duplicate"] and again["id"] == reports[0]["id"]
    accepted = {sender: report["accepted"] for sender, report in zip(senders, reports)}
    assert all(accepted.values())

    added = siss("user", *options, "add", "pianificatore", "--role", "pianificatore", "--password-stdin", input=PASSWORD, env=SECRET)
    assert added.returncode == 0, added.stderr
    monkeypatch.setattr(conftest, "environment", lambda base=conftest.environment: base() | SECRET)
    with conftest.serving("s3://siss/prova", *options[2:]) as server:
        rows = requests.get(f"{server.http}/api/v1/datasets/assa/strutture/rows.ndjson", auth=("pianificatore", PASSWORD), timeout=60)
        assert rows.status_code == 200, rows.text
        found = [json.loads(line)["codice_istat"] for line in rows.text.splitlines()]
        assert {sender: found.count(sender) for sender in senders} == accepted
        # Not by psql alone: a delivery through the door, too.
        asked = "SELECT codice_istat, count(*) FROM assa.strutture GROUP BY 1"
        host, port = server.postgres.split(":")
        where = f"host={host} port={port} dbname=siss user=pianificatore"
        if psql := shutil.which("psql"):
            out = subprocess.run([psql, where, "-XAtc", asked], capture_output=True, text=True, env={"PGPASSWORD": PASSWORD}, timeout=200)
            assert dict(line.split("|") for line in out.stdout.split()) == {s: str(n) for s, n in accepted.items()}, out.stderr
        with psycopg.connect(where, password=PASSWORD) as connection:
            assert dict(connection.execute(asked).fetchall()) == accepted
        assert connection.closed

    maintained = siss("maintain", *options, env=SECRET)
    assert maintained.returncode == 0, maintained.stderr
    tables = {t["dataset"]: t for t in map(json.loads, maintained.stdout.splitlines())}
    assert tables["assa.strutture"]["files_before"] > tables["assa.strutture"]["files_after"] == 1
    after = siss("sql", "SELECT count(*) FROM assa.strutture", "--account", "pianificatore", *options, env=SECRET)
    assert after.returncode == 0, after.stderr
    assert after.stdout.split()[-1] == str(sum(accepted.values())), after.stderr

    commits = [condition for method, path, condition in proxy.seen if method == "PUT" and "/_delta_log/" in path and path.split("?")[0].endswith(".json")]
    assert len(commits) > 10 and set(commits) == {"*"}, set(commits)
    proxy.shutdown()


@pytest.mark.parametrize("command", [["serve", "--http", "127.0.0.1:0", "--postgres", "127.0.0.1:0", "--flight", "127.0.0.1:0"], ["maintain"]], ids=lambda c: c[0])
def test_a_store_that_ignores_conditional_puts_is_refused(siss, bucket, tmp_path, command):
    proxy = Proxy(bucket, deaf=True)
    refused = siss(*command, *at(proxy, tmp_path / "home"), env=SECRET, timeout=60)
    assert refused.returncode == 1 and "If-None-Match" in refused.stderr and "ready" not in refused.stdout, refused.stderr
    assert not any("tables" in path for _, path, _ in proxy.seen), "it went on beyond the probe"
    proxy.shutdown()


def test_a_wrong_bucket_or_no_server_is_said_plainly(siss, bucket, tmp_path):
    proxy = Proxy(bucket)
    options = at(proxy, tmp_path / "home")
    options[1] = "s3://assente/prova"
    missing = siss("maintain", *options, env=SECRET, timeout=60)
    assert missing.returncode == 1 and "assente" in missing.stderr and len(missing.stderr) < 2000, missing.stderr
    homeless = siss("serve", "--data", "s3://siss/prova", env=SECRET, timeout=60)
    assert homeless.returncode == 1 and "--home" in homeless.stderr, homeless.stderr
    proxy.shutdown()

"""Forms taken in: acknowledged submissions per second, each durable, from a number of clients at once, and how soon their rows are in the lake."""

import concurrent.futures
import http.client
import json
import subprocess
import time
import urllib.parse

import program
from line import Line

CLIENTS, FORM = 32, "/api/v1/forms/sirse/domande_accreditamento"
WANTED = 500


def measure(at):
    data = at.copy(at.base(), "forms")
    account = ["user", "--data", data, "add", "gestore_prova", "--role", "gestore", "--fact", "codice_fiscale_gestore=01234567897"]
    subprocess.run([program.BINARY, *map(str, account)], env=program.environment(), check=True, capture_output=True)
    token = subprocess.run([program.BINARY, "token", "--data", str(data), "--account", "gestore_prova"], env=program.environment(), check=True, capture_output=True, text=True).stdout.strip()
    seconds = 3 if at.quick else 10
    with program.Server(data) as server:
        address = urllib.parse.urlsplit(server.at["http"])
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        end = time.monotonic() + seconds

        def client(n):
            connection, done = http.client.HTTPConnection(address.hostname, address.port, timeout=60), 0
            while time.monotonic() < end:
                values = {"codice_servizio": "E058091-0001", "codice_istat": "058091", "gestore": f"Gestore {n} {done}", "tipo": "prima"}
                connection.request("POST", FORM, json.dumps({"version": "1.0.0", "values": values}), headers)
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 201, body
                done += 1
            return done

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            taken = sum(pool.map(client, range(CLIENTS)))
        rate = taken / (time.monotonic() - began)
        # All rows are in the lake when the last case says so.
        sent, waited = time.monotonic(), None
        while time.monotonic() - sent < 120:
            with server.postgres("pianificatore") as siss:
                there = siss.execute("SELECT count(*) FROM sirse.domande_accreditamento WHERE gestore LIKE 'Gestore %'").fetchone()[0]
            waited = time.monotonic() - sent
            if there == taken:
                break
            time.sleep(0.2)
    return [
        Line(f"forms acknowledged, each durable, {CLIENTS} clients", rate, "/s", target=WANTED, more=True),
        Line(f"all {taken} rows in the lake after the last answer", waited, "s", target=2),
    ]

"""Clients that are slow, silent or many: each loses its own place, and others are answered meanwhile."""

import concurrent.futures
import socket
import struct
import time

import psycopg
import pytest
import requests

pytestmark = pytest.mark.alone

SSL_REQUEST = struct.pack("!II", 8, 80877103)


def opened(address, first=b""):
    host, port = address.split("://")[-1].rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(first)
    return connection


def seconds_until_closed(connection, drip=b""):
    """How long the server holds a connection that sends `drip` each second and never what is awaited."""
    began = time.monotonic()
    connection.settimeout(1)
    while time.monotonic() - began < 45:
        try:
            if drip:
                connection.sendall(drip)
            if connection.recv(4096) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


def test_slow_and_silent_clients_are_let_go(server):
    clients = {
        "http, nothing": (opened(server.http), b"", 15),
        "http, headers drop by drop": (opened(server.http, b"GET / HTTP/1.1\r\nHost: x\r\n"), b"X-A: b\r\n", 15),
        "flight, nothing": (opened(server.flight), b"", 15),
        "postgres, nothing": (opened(server.postgres), b"", 35),
        "postgres, tls never begun": (opened(server.postgres, SSL_REQUEST), b"", 35),
        "postgres, a length and no more": (opened(server.postgres, struct.pack("!I", 1_000)), b"", 35),
    }
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as all_at_once:
        held = {name: all_at_once.submit(seconds_until_closed, connection, drip) for name, (connection, drip, _) in clients.items()}
        began = time.monotonic()
        assert requests.get(f"{server.http}/status", timeout=10).status_code == 200 and time.monotonic() - began < 5
    late = {name: held[name].result() for name in clients if held[name].result() > clients[name][2]}
    assert not late, late
    for connection, _, _ in clients.values():
        connection.close()


def test_a_start_up_that_claims_to_be_huge_is_refused_at_once(server):
    connection = opened(server.postgres, struct.pack("!II", 0x7FFFFFFF, 196608))
    assert seconds_until_closed(connection) < 5


def test_too_many_connections_are_told_so_and_leave_room_again(server):
    host, port = server.postgres.rsplit(":", 1)
    where = {"host": host, "port": port, "dbname": "siss", "user": "pianificatore", "password": server.password}
    crowd = [opened(server.postgres) for _ in range(205)]
    try:
        time.sleep(0.5)
        try:
            psycopg.connect(**where, connect_timeout=10).close()
            told = ""
        except psycopg.OperationalError as error:
            told = str(error)
        assert "too many" in told or "sorry" in told, told
    finally:
        [c.close() for c in crowd]
    end = time.monotonic() + 10
    while True:
        try:
            with psycopg.connect(**where, connect_timeout=10) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            break
        except psycopg.OperationalError:
            assert time.monotonic() < end, "no room again"
            time.sleep(0.2)


def test_many_requests_at_once_are_answered_or_turned_away(server):
    with concurrent.futures.ThreadPoolExecutor(64) as many:
        codes = list(many.map(lambda _: requests.get(f"{server.http}/api/v1/datasets", timeout=60).status_code, range(400)))
    assert set(codes) <= {200, 503} and codes.count(200) > 100


def test_a_large_body_or_header_is_refused(server):
    large = requests.post(f"{server.http}/api/v1/sql", data=b"S" * (2 << 20), headers={"Content-Type": "application/sql"}, auth=("pianificatore", server.password), timeout=60)
    assert large.status_code == 413 and large.json()["code"] == "body.unread"
    heavy = requests.get(f"{server.http}/status", headers={"X-Heavy": "x" * 100_000}, timeout=60)
    assert heavy.status_code == 431

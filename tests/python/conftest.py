"""One running server for all tests: a small synthetic region, delivered by the program itself."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import types

import pytest

pytest_plugins = ["browser"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCALE, SEED, PASSWORD = "0.05", "7", "una frase di prova"
ACCOUNTS = ["pianificatore", "distretto_rm_5_1", "comune_058091", "comune_058120", "ispettore", "steward", "amministratore", "funzionario", "ministero", "gestore", "cittadino"]


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="also the long tests, marked `accept`")


def pytest_configure(config):
    config.addinivalue_line("markers", "accept: takes minutes; only with --accept")
    config.addinivalue_line("markers", "alone: looks at time or at the machine's load; `make test` runs it by itself")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--accept"):
        skip = pytest.mark.skip(reason="long: run `make accept`")
        for item in items:
            if "accept" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def siss():
    """siss(*arguments, **options): runs the program to its end."""
    program = binary()

    def run(*arguments, **options):
        options = {"capture_output": True, "text": True, "timeout": 600, "cwd": ROOT} | options
        return subprocess.run([program, *map(str, arguments)], **options | {"env": environment() | options.get("env", {})})

    return run


@pytest.fixture(scope="session")
def lake(siss, tmp_path_factory):
    """A folder with the delivered region, on which no server runs yet. Read only: tests that write take their own.

    SISS_LAKE names one that was made before, of the same scale, seed and password."""
    folder = tmp_path_factory.mktemp("siss") / "data"
    if made := os.environ.get("SISS_LAKE"):
        return pathlib.Path(shutil.copytree(made, folder))
    made = siss(*region(folder), timeout=1200)
    assert made.returncode == 0, made.stderr[-4000:]
    return folder


def region(folder):
    """What makes the region of the tests."""
    return ["demo", "--data", str(folder), "--scale", SCALE, "--seed", SEED, "--password", PASSWORD, "--no-serve"]


@pytest.fixture(scope="session")
def server(request, tmp_path_factory):
    """The server of all tests: .http, .postgres, .flight (addresses), .password (of all accounts), .token(account), .data, .process.

    SISS_SERVER, the object of a `ready` line with `data`, names one that runs already, made with the same password."""
    if running := os.environ.get("SISS_SERVER"):
        at = json.loads(running)
        data = pathlib.Path(at["data"])
        yield types.SimpleNamespace(**at | {"data": data}, password=PASSWORD, accounts=ACCOUNTS, token=serving(data).token, process=None)
        return
    # A copy: what is sent to it is not in the lake that others begin with.
    with serving(shutil.copytree(request.getfixturevalue("lake"), tmp_path_factory.mktemp("served") / "data")) as server:
        yield server


class serving:
    """A server on `data` and free ports, from its `ready` line until it has ended."""

    def __init__(self, data, *options):
        self.data, self.options = data, options

    def __enter__(self):
        self.log = tempfile.TemporaryFile("w+")
        doors = [part for door in ("http", "postgres", "flight") for part in (f"--{door}", "127.0.0.1:0")]
        command = [binary(), "serve", "--data", str(self.data), *doors, *map(str, self.options)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=self.log, text=True)
        at = self.ready()
        return types.SimpleNamespace(**at, password=PASSWORD, accounts=ACCOUNTS, token=self.token, data=self.data, process=self.process, log=self.log)

    def token(self, account):
        command = [binary(), "token", "--data", str(self.data), "--account", account]
        return subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout.strip()

    def ready(self):
        # A start that hangs is ended, so that the line below comes to its end.
        alarm = threading.Timer(120, self.process.kill)
        alarm.start()
        for line in self.process.stdout:
            if line.startswith("ready "):
                alarm.cancel()
                return json.loads(line.removeprefix("ready "))
        alarm.cancel()
        self.log.seek(0)
        raise AssertionError(f"the server did not start ({self.process.wait()}): {self.log.read()[-4000:]}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
            self.log.close()


def binary():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path.home() / ".cache/siss/target"))
    program = pathlib.Path(os.environ.get("SISS_BIN", target / "debug/siss"))
    assert program.is_file(), f"{program} is missing: `make build` makes it"
    return program


def environment():
    """Ours, without options of the program that would change what is tested."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SISS_")}

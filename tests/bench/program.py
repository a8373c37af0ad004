"""The program under measure: built for production, run to its end or as a server, its memory watched from outside."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "una frase di prova"
BINARY = os.environ.get("SISS_BIN")


def build():
    """Builds the program for production unless SISS_BIN names one."""
    global BINARY
    if BINARY is None:
        BINARY = subprocess.run(["make", "--silent", "release"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]


def environment():
    """Ours, without options of the program that would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SISS_")}


def run(*arguments, ok=(0,)):
    """Runs the program to its end: seconds, peak resident memory in MiB, standard output."""
    start = time.perf_counter()
    process = subprocess.Popen([BINARY, *map(str, arguments)], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    errors = []
    drain = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    drain.start()
    output = process.stdout.read()
    drain.join()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ok:
        raise RuntimeError(f"siss {' '.join(map(str, arguments))} ended with {process.returncode}: {errors[0][-2000:]}")
    return seconds, usage.ru_maxrss / 1024, output


class Server:
    """`siss serve` on a folder and free ports. `seconds` is the time from its start to its `ready` line."""

    def __init__(self, data, *options):
        self.data, self.options = data, options

    def __enter__(self):
        doors = [part for door in ("http", "postgres", "flight") for part in (f"--{door}", "127.0.0.1:0")]
        command = [BINARY, "serve", "--data", str(self.data), "--maintain-every", "0", *doors, *map(str, self.options)]
        self.log = (self.data / "bench.log").open("w+")
        start = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.seconds = time.perf_counter() - start
                self.at = json.loads(line.removeprefix("ready "))
                return self
        raise RuntimeError(f"the server did not start: {pathlib.Path(self.log.name).read_text()[-2000:]}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def postgres(self, account):
        """A psycopg connection as a demo account."""
        import psycopg

        host, port = self.at["postgres"].rsplit(":", 1)
        return psycopg.connect(host=host, port=port, dbname="siss", user=account, password=PASSWORD, autocommit=True)


class Memory:
    """Peak memory, in MiB, of a process and of its children while the block runs: resident, of the process (`own`) and of its
    `largest_child`; `together` counts what they share once."""

    def __init__(self, pid):
        self.pid, self.own, self.largest_child, self.together = pid, 0.0, 0.0, 0.0
        self.done = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def watch(self):
        while not self.done.wait(0.05):
            own, *children = [used(pid) for pid in (self.pid, *children_of(self.pid))]
            self.own, self.largest_child = max(self.own, own["Rss"]), max([self.largest_child, *(child["Rss"] for child in children)])
            self.together = max(self.together, own["Pss"] + sum(child["Pss"] for child in children))


def used(pid):
    """Resident memory of a process in MiB, and its share of it; zero when it is gone."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        return {name: int(kib.split()[0]) / 1024 for name, kib in (line.split(":") for line in lines)}
    except (FileNotFoundError, ProcessLookupError):
        return {"Rss": 0.0, "Pss": 0.0}


def children_of(pid):
    try:
        tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []

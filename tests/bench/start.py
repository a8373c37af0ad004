"""How long until the doors are open: on a lake of many files, and on an empty folder for the whole demo."""

import json
import shutil
import statistics
import time

import program
from line import Line

STARTS = 5


def measure(at):
    lake = many_files(at)
    seconds = []
    for _ in range(STARTS):
        with program.Server(lake) as server:
            seconds.append(server.seconds)
    return [Line(f"start on a lake of {at.files:,} files", statistics.median(seconds), "s", target=2.0)]


def demo(at):
    scale = 0.05
    folder = at.root / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    seconds, memory, _ = program.run("demo", "--data", folder, "--scale", scale, "--no-serve")
    shutil.rmtree(folder)
    return [Line(f"demo at scale {scale}: a region made and delivered", seconds, "s", target=180, note=f"{memory:,.0f} MiB")]


def many_files(at):
    """The small demo with many more data files in assa.strutture, each with statistics, added by one commit of another client."""
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction

    def make(path):
        shutil.copytree(at.base(), path)
        folder = path / "tables/assa/strutture"
        table = DeltaTable(str(folder))
        log = [json.loads(line) for file in sorted((folder / "_delta_log").glob("*.json")) for line in file.read_text().splitlines()]
        present = {uri.rsplit("/", 1)[1] for uri in table.file_uris()}
        model = next(action["add"] for action in log if action.get("add", {}).get("path") in present)
        adds = []
        for n in range(at.files - len(present)):
            name = f"part-bench-{n:05}.parquet"
            shutil.copyfile(folder / model["path"], folder / name)
            adds.append(AddAction(name, model["size"], {}, int(time.time() * 1000), True, model["stats"]))
        table.create_write_transaction(adds, "append", table.schema(), commit_properties=CommitProperties({"bench": "many files"}))

    return at.once("files.lake", make)

"""The folder of the bench: files and lakes that are made once and kept between runs. Removing it costs only time."""

import hashlib
import json
import os
import pathlib
import shutil
import sys

import program
import rows

DEFAULT = pathlib.Path.home() / ".cache/siss/bench"


class Place:
    """What is measured on, by size; quick runs keep theirs apart. `scale` is that of the region of the indicators: 1 is Lazio."""

    def __init__(self, folder, quick, scale=None):
        self.root = pathlib.Path(folder or os.environ.get("BENCH_DIR") or DEFAULT) / ("quick" if quick else "full")
        self.quick = quick
        self.scale = scale or (0.05 if quick else 1)
        # Flows are documents in a row store, three kilobytes each: a tenth of the scale gives enough of them.
        self.flows = min(self.scale, 0.05 if quick else 0.1)
        self.small, self.large = (100_000, 1_000_000) if quick else (1_000_000, 10_000_000)
        self.questions = 500_000 if quick else 20_000_000
        self.files = 500 if quick else 5_000

    def prepare(self):
        """Drops what was made from other contracts or by other generators."""
        wanted, mark = fingerprint(), self.root / "made-from"
        if mark.is_file() and mark.read_text() == wanted:
            return
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        mark.write_text(wanted)

    def csv(self, count):
        """A file of `count` rows of assa.strutture."""
        return self.once(f"strutture-{count}.csv", lambda path: rows.facilities(path, count))

    def base(self):
        """A small demo with its accounts; copied, never served."""
        return self.once("base", lambda path: program.run("demo", "--data", path, "--scale", "0.05", "--seed", "7", "--password", program.PASSWORD, "--no-serve"))

    def region(self, scale):
        """A whole region with its accounts and indicators; never served in place. The files it was made from are gone."""

        def make(path):
            seconds, _, _ = program.run("demo", "--data", path, "--scale", scale, "--seed", "7", "--password", program.PASSWORD, "--no-serve")
            print(f"region at scale {scale:g} made in {seconds:.0f} s", file=sys.stderr, flush=True)
            for folder in ("region", "landing"):
                shutil.rmtree(path / folder)

        return self.once(f"region-{scale:g}-{generator()}", make)

    def copy(self, lake, name):
        """A copy to work on. Data files never change, so that they are linked; everything else is copied."""
        target = self.root / name
        shutil.rmtree(target, ignore_errors=True)
        place = lambda source, to: os.link(source, to) if source.endswith(".parquet") else shutil.copy2(source, to)
        shutil.copytree(lake, target, copy_function=place)
        return target

    def fresh(self, name):
        """A copy of the small demo."""
        target = self.root / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.base(), target)
        return target

    def accesses(self):
        """A lake with `questions` rows in sigess.accessi, delivered by every district for two years."""

        def make(path):
            shutil.copytree(self.base(), path)
            for dataset, sender, period, file in rows.accesses(self.base(), self.root / "accessi", self.questions):
                deliver(path, file, dataset, sender, period)
                file.unlink()
            # Received bytes stay in a real lake; here they would only fill the disk.
            shutil.rmtree(path / "landing/sigess")

        return self.once("accessi.lake", make)

    def facilities(self):
        """A lake with `large` rows in assa.strutture."""

        def make(path):
            shutil.copytree(self.base(), path)
            deliver(path, self.csv(self.large), "assa.strutture", rows.SENDER, rows.PERIOD)
            shutil.rmtree(path / "landing/assa")

        return self.once("strutture.lake", make)

    def once(self, name, make):
        path = self.root / name
        if not path.exists():
            part = self.root / f"{name}.part"
            shutil.rmtree(part, ignore_errors=True)
            make(part)
            part.rename(path)
        return path


def deliver(data, file, dataset, sender, period):
    """Seconds, peak MiB and the report of one delivery."""
    seconds, memory, output = program.run("deliver", file, "--data", data, "--dataset", dataset, "--sender", sender, "--period", period, "--json", ok=(0, 3))
    return seconds, memory, json.loads(output)


def generator():
    """A hash of what makes a synthetic region and of the queries that follow from it."""
    digest = hashlib.sha256()
    folder = program.ROOT / "datasets"
    for file in sorted([*(folder / "src/synthetic").rglob("*.rs"), folder / "src/synthetic.rs", *folder.glob("*/*.sql")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def fingerprint():
    digest = hashlib.sha256(pathlib.Path(rows.__file__).read_bytes())
    for file in sorted((program.ROOT / "datasets").rglob("*")):
        if file.suffix in (".toml", ".csv") and "tests" not in file.parts:
            digest.update(file.read_bytes())
    return digest.hexdigest()

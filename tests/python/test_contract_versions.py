"""A new version of a contract, from the command line: followed where stored rows keep their meaning, else refused with the reason."""

import pathlib
import shutil

import conftest

CONTRACT = "assa/strutture.toml"
COLUMN = """
[[column]]
name = "telefono"
type = "text"
title = { it = "Telefono", en = "Telephone" }
description = { it = "Recapito della struttura.", en = "Number of the facility." }
class = "public"
example = "0612345678"
"""


def test_a_new_version_is_followed_or_refused(siss, lake, tmp_path):
    data = shutil.copytree(lake, tmp_path / "data")
    contracts = tmp_path / "datasets"
    shutil.copytree(conftest.ROOT / "datasets", contracts, ignore=shutil.ignore_patterns("src", "tests", "target"))
    file = pathlib.Path(contracts / CONTRACT)
    first = file.read_text()

    def write(version, change=lambda text: text):
        file.write_text(change(first).replace('version = "', f'version = "{version}" # was "', 1))

    def ask(query):
        done = siss("sql", query, "--account", "comune_058091", "--data", data, "--contracts", contracts)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[1:]

    before = ask("SELECT count(*), sum(posti) FROM assa.strutture")
    write("8.0.0", lambda text: text + COLUMN)
    assert siss("check", "--contracts", contracts).returncode == 0
    assert ask("SELECT count(*), sum(posti) FROM assa.strutture WHERE telefono IS NULL") == before
    # The table as it stood under the earlier contract has the column too, empty.
    newest = ask('SELECT count(*), sum(posti) FROM assa."strutture@v40" WHERE telefono IS NULL')
    assert newest == ask('SELECT count(*), sum(posti) FROM assa."strutture@v40"')

    # Its form must ask what a row cannot lack.
    fax = COLUMN.replace('class = "public"', 'class = "public"\nrequired = true').replace("telefono", "fax")
    write("9.0.0", lambda text: text + fax)
    assert "needs fax, which the form does not ask" in siss("check", "--contracts", contracts).stdout
    write("9.0.0", lambda text: text.replace('"latitudine", "longitudine"]', '"latitudine", "longitudine", "fax"]') + fax)
    refused = siss("maintain", "--data", data, "--contracts", contracts)
    assert refused.returncode == 1
    assert "assa.strutture" in refused.stderr and "'telefono' is gone" in refused.stderr and "'fax' is required" in refused.stderr, refused.stderr
    write("1.0.0")
    older = siss("maintain", "--data", data, "--contracts", contracts)
    assert older.returncode == 1 and "8.0.0" in older.stderr and "later than 1.0.0" in older.stderr, older.stderr
    write("8.0.0", lambda text: text + COLUMN)
    assert ask("SELECT count(*), sum(posti) FROM assa.strutture") == before

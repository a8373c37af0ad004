"""The whole API as random requests made from our own document see it, with each role's token: no fault of ours, no answer that the document does
not name. A server of its own: what these requests change is nobody else's."""

import pathlib
import shutil
import subprocess
import sys

import pytest

import conftest

# Whether a value that fits its schema also fits the dataset it is about (a period, a column, a code) is more than a document can say; whether
# an account may know of an object is what test_policy looks at, row by row.
BESIDE = "positive_data_acceptance,object_level_authorization"


@pytest.fixture(scope="module")
def apart(lake, tmp_path_factory):
    data = shutil.copytree(lake, tmp_path_factory.mktemp("schemathesis") / "data")
    with conftest.serving(data) as server:
        yield server


@pytest.mark.parametrize("account", ["", *conftest.ACCOUNTS, "inps"])
def test_each_role_gets_answers_that_the_document_names(apart, account, tmp_path):
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    known = ["--header", f"Authorization: Bearer {apart.token(account)}"] if account else []
    # The edge cases of every parameter are the same for all: the planner goes through them, the others through a few requests for each route.
    phases = ["--phases", "examples,coverage,fuzzing"] if account == "pianificatore" else ["--phases", "examples,fuzzing"]
    command = [program, "run", f"{apart.http}/api/openapi.json", *known, *phases, "--max-examples", "8", "--seed", "11", "--exclude-checks", BESIDE, "--continue-on-failure",
               "--suppress-health-check", "all", "--request-timeout", "60"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=500, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]

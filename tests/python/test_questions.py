"""The worked questions (datasets/questions) answer as DuckDB does over the same files, for the region and for one comune."""

import datetime
import decimal
import math
import pathlib
import sys

import psycopg
import pytest

import oracle

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import questions as pages

FOLDER = ROOT / "datasets/questions"
QUESTIONS = sorted(FOLDER.glob("*.sql"))

def comparable(value):
    """Numbers as floats, a midnight as its day: the two engines name the types differently, not the values."""
    if isinstance(value, decimal.Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return float(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value


def differences(got, expected):
    """Pairs of rows that differ, floats aside by one part in a billion; both answers are ordered."""
    same = lambda a, b: math.isclose(a, b, rel_tol=1e-9) if isinstance(a, float) and isinstance(b, float) else a == b
    pairs = [([comparable(v) for v in one], [comparable(v) for v in other]) for one, other in zip(got, expected)]
    unlike = [(one, other) for one, other in pairs if len(one) != len(other) or not all(map(same, one, other))]
    return unlike + ([(len(got), len(expected))] if len(got) != len(expected) else [])


def judge(data, account, kind="TABLE"):
    """DuckDB with every table of the questions as the account may see it."""
    asked = sorted({name for question in QUESTIONS for name in pages.tables(question.read_text())})
    return oracle.connect(data, account, kind, asked)


@pytest.mark.parametrize("account", ["pianificatore", "comune_058091"])
def test_questions_answer_as_duckdb_does(server, account):
    host, port = server.postgres.rsplit(":", 1)
    db = judge(server.data, account)
    with psycopg.connect(host=host, port=port, dbname="siss", user=account, password=server.password, autocommit=True) as siss:
        for question in QUESTIONS:
            sql = question.read_text()
            expected = db.execute(sql).fetchall()
            unlike = differences(siss.execute(sql).fetchall(), expected)
            assert not unlike, f"{question.name} as {account}: {unlike[:3]}"
            assert expected, f"{question.name} as {account} has no rows"


def test_questions_are_of_every_subsystem_and_listed():
    assert len(QUESTIONS) >= 20
    asked = {name.split(".")[0] for question in QUESTIONS for name in pages.tables(question.read_text())}
    assert asked >= {"assa", "leps", "piani_zona", "sigess", "sirse", "territorio"}
    assert pages.PAGE.read_text() == pages.page(), "docs/QUESTIONS.md is not what datasets/questions says: `make doc` writes it anew"
    for question in QUESTIONS:
        italian, english, *_ = question.read_text().splitlines()
        assert italian.startswith("-- it: ") and english.startswith("-- en: "), question.name

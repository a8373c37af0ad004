"""The worked questions (tests/sql) answer as DuckDB does over the same files, for the region and for one comune."""

import datetime
import decimal
import math
import pathlib

import psycopg
import pytest

import oracle

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "sql"
QUESTIONS = sorted(FOLDER.glob("*.sql"))
# Public tables that the questions join, beside those of the oracle.
JOINED = ("territorio.ambiti", "territorio.popolazione")


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
    db = oracle.connect(data, account, kind)
    for dataset in JOINED:
        db.execute(f"CREATE {kind} {dataset} AS SELECT * FROM {oracle.current(data, dataset)}")
    return db


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


def test_questions_say_what_they_ask():
    assert len(QUESTIONS) == 20
    for question in QUESTIONS:
        italian, english, *_ = question.read_text().splitlines()
        assert italian.startswith("-- it: ") and english.startswith("-- en: "), question.name

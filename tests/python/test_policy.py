"""The same question by every door, for every role, gives the rows that DuckDB gives over the same files with the policy of oracle.py."""

import collections
import datetime
import decimal
import functools
import json
import random
import re

import adbc_driver_flightsql.dbapi as flight
import psycopg
import pytest
import requests

import oracle
from desk import Browser

# Generated questions of a dataset whose rights differ from column to column, and of the others.
MANY, FEW = 12, 2
RICH = ("territorio.comuni", "assa.strutture", "assa.posti", "assa.provvedimenti", "assa.ispezioni", "sigess.accessi", "piani_zona.importi", "sirse.servizi", "sirse.domande_contributo", "sistema.obligations", "sistema.certifications")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:")


# Most values come again and again.
@functools.lru_cache(maxsize=1 << 20, typed=True)
def canonical(value):
    if isinstance(value, str) and MOMENT.match(value):
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, decimal.Decimal)):
        number = decimal.Decimal(str(value))
        return str(number.quantize(decimal.Decimal("1e-6")).normalize() if number.is_finite() else number)
    return str(value)


def bag(rows):
    return collections.Counter(tuple(map(canonical, row)) for row in rows)


class Doors:
    """One account at all doors."""

    def __init__(self, server, account):
        self.server, self.account = server, account
        # A token: checking a password takes as long as it should, and here are thousands of questions.
        self.headers = {"Accept": "application/json"} | ({} if account == "anonimo" else {"Authorization": f"Bearer {server.token(account)}"})
        self.postgres = self.flight = self.browser = None
        if account != "anonimo":
            host, port = server.postgres.rsplit(":", 1)
            self.postgres = psycopg.connect(host=host, port=port, dbname="siss", user=account, password=server.password, autocommit=True)
            self.flight = flight.connect(server.flight, db_kwargs={"username": account, "password": server.password})
            self.browser = Browser(server, account)
            self.word = self.browser.word()

    def close(self):
        for door in (self.postgres, self.flight):
            if door:
                door.close()

    def rest(self, sql):
        answer = requests.post(f"{self.server.http}/api/v1/sql", json={"sql": sql}, headers=self.headers, timeout=60)
        if answer.status_code != 200:
            return answer.json()["code"]
        return self.whole(answer)

    def page(self, sql):
        """As a browser's session has it, by the form of the SQL page."""
        answer = self.browser.post("/sql/risposta.json", {"sql": sql}, self.word)
        assert answer.status_code == 200, answer.text
        return self.whole(answer)

    def whole(self, answer):
        body = json.loads(answer.text, parse_float=decimal.Decimal)
        assert body["complete"] is True
        return bag(body["rows"] if not body["rows"] or isinstance(body["rows"][0], list) else [list(r.values()) for r in body["rows"]])

    def answers(self, sql, page=True):
        out = {"rest": self.rest(sql)}
        if self.postgres:
            out["postgres"] = bag(self.postgres.execute(sql).fetchall())
            with self.flight.cursor() as cursor:
                cursor.execute(sql)
                out["flight"] = bag(cursor.fetchall())
            if page:
                out["page"] = self.page(sql)
        return out


def literal(value):
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value}'"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def condition(rng, db, dataset, names):
    column = rng.choice(names)
    sample = [r[0] for r in db.execute(f"SELECT DISTINCT {column} FROM {dataset} ORDER BY 1 NULLS LAST LIMIT 40").fetchall()]
    value = rng.choice(sample) if sample else None
    if value is None:
        return f"{column} IS {rng.choice(['', 'NOT '])}NULL"
    shapes = [f"{column} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {literal(value)}", f"{column} IN ({literal(value)})"]
    if isinstance(value, str):
        shapes += [f"{column} LIKE {literal(value[:2].replace('%', '') + '%')}", f"upper({column}) = {literal(value.upper())}"]
    return rng.choice(shapes)


def query(rng, db, dataset, names):
    where = " AND ".join(condition(rng, db, dataset, names) for _ in range(rng.randint(0, 2)))
    where = f" WHERE {where}" if where else ""
    kind = rng.randrange(5)
    if kind == 0:
        return f"SELECT {', '.join(rng.sample(names, min(4, len(names))))} FROM {dataset}{where}"
    if kind == 1:
        return f"SELECT count(*) AS n, count(DISTINCT {rng.choice(names)}) AS d FROM {dataset}{where}"
    if kind == 2:
        by, of = rng.choice(names), rng.choice(names)
        return f"SELECT {by}, count({of}) AS n, min({of}) AS lo, max({of}) AS hi FROM {dataset}{where} GROUP BY {by}"
    if kind == 3:
        return f"SELECT * FROM {dataset}{where} ORDER BY {', '.join(names)} LIMIT 25"
    own, _ = next(((c, d) for c, d in (("ambito", 0), ("codice_istat", 0)) if c in names), (None, None))
    if own is None:
        return f"SELECT DISTINCT {rng.choice(names)} FROM {dataset}{where}"
    return f"SELECT c.provincia, count(*) AS n FROM {dataset} AS t JOIN territorio.comuni AS c ON t.{own} = c.{own}{where.replace(' WHERE ', ' WHERE t.').replace(' AND ', ' AND t.').replace('t.upper(', 'upper(t.')} GROUP BY c.provincia"


@pytest.mark.parametrize("account", oracle.FACTS)
def test_every_door_answers_as_the_oracle(server, account):
    still = [dataset for dataset in oracle.COLUMNS if dataset not in oracle.MOVING]
    # Generated questions join with the register of municipalities, which comes first.
    db, doors = oracle.connect(server.data, account, datasets=still), Doors(server, account)
    try:
        compared = 0
        for dataset in still:
            names = oracle.columns(dataset, account)
            if names is None:
                continue
            rng = random.Random(f"{account} {dataset}")
            for place, sql in enumerate([f"SELECT * FROM {dataset}", *(query(rng, db, dataset, names) for _ in range(MANY if dataset in RICH else FEW))]):
                expected = bag(db.execute(sql).fetchall())
                # The page asks through what REST asks through: two questions of each table show whose session it is.
                for door, got in doors.answers(sql, page=place < 2).items():
                    assert got == expected, f"{account} by {door}: {sql}\nonly there: {list((got - expected).items())[:3] if isinstance(got, collections.Counter) else got}\nmissing: {list((expected - got).items())[:3] if isinstance(got, collections.Counter) else ''}"
                    compared += 1
        assert compared > 20
    finally:
        doors.close()


@pytest.mark.parametrize("account", oracle.FACTS)
def test_what_is_hidden_is_as_if_it_were_not(server, account):
    """A hidden table or column gives the error of one that does not exist, by every door."""
    doors = Doors(server, account)
    try:
        for dataset in oracle.COLUMNS:
            names = oracle.columns(dataset, account)
            every = [c.lstrip("*-") for c in oracle.COLUMNS[dataset].split()]
            if names is None:
                area = dataset.split(".")[0]
                assert doors.rest(f"SELECT count(*) FROM {dataset}") == doors.rest(f"SELECT count(*) FROM {area}.che_non_esiste")
                continue
            for hidden in set(every) - set(names):
                code = doors.rest(f"SELECT {hidden} FROM {dataset}")
                assert isinstance(code, str) and code == doors.rest(f"SELECT che_non_esiste FROM {dataset}"), (account, dataset, hidden)
                if doors.postgres:
                    with pytest.raises(psycopg.errors.UndefinedColumn):
                        doors.postgres.execute(f"SELECT {hidden} FROM {dataset}")
    finally:
        doors.close()


def test_the_oracle_knows_every_dataset(server):
    """A door without its place here would be one that nobody watches."""
    listed = requests.get(f"{server.http}/api/v1/datasets", auth=("amministratore", server.password), timeout=60).json()["datasets"]
    assert {one["name"] for one in listed} == set(oracle.COLUMNS)


@pytest.mark.parametrize("account, dataset, hidden", [("cittadino", "sirse.domande_contributo", "id_persona"), ("gestore", "assa.strutture", None)])
def test_whose_rows_are_their_own_see_some_and_not_all(server, account, dataset, hidden):
    """The comparison above would hold for no rows as well."""
    own, all_rows = Doors(server, account), Doors(server, "pianificatore")
    try:
        count = {who: next(iter(who.rest(f"SELECT count(*) FROM {dataset}")))[0] for who in (own, all_rows)}
        assert 0 < int(count[own]) < int(count[all_rows])
        assert hidden is None or isinstance(own.rest(f"SELECT {hidden} FROM {dataset}"), str)
        # What everybody may see is theirs too, and nothing about others.
        assert isinstance(own.rest("SELECT count(*) FROM sirse.servizi"), collections.Counter)
        assert isinstance(own.rest("SELECT count(*) FROM sigess.accessi"), str)
    finally:
        own.close()
        all_rows.close()


def test_strangers_see_no_history(server):
    """What was open once may have been closed since: the address of a refuge before it was marked as one."""
    stranger, planner = Doors(server, "anonimo"), Doors(server, "pianificatore")
    try:
        assert stranger.rest("SELECT count(*) FROM assa.strutture_storia") == stranger.rest("SELECT count(*) FROM assa.che_non_esiste")
        assert isinstance(planner.rest("SELECT count(*) FROM assa.strutture_storia"), collections.Counter)
        rows = requests.get(f"{server.http}/api/v1/datasets/assa/strutture/rows", params={"history": "true"}, timeout=60)
        assert rows.status_code in (400, 403, 404), rows.status_code
    finally:
        stranger.close()
        planner.close()

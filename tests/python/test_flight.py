"""The Flight SQL door, asked by the ADBC driver and, where a driver would not go, by plain Flight calls."""

import base64
import contextlib
import datetime
import decimal

import adbc_driver_flightsql.dbapi as flight_sql
import polars
import pyarrow as pa
import pyarrow.flight as flight
import pytest
import requests

QUESTION = "SELECT codice_istat, comune, latitudine FROM territorio.comuni ORDER BY codice_istat"


@pytest.fixture
def connect(server):
    """connect(account): an ADBC connection; closed after the test."""
    with contextlib.ExitStack() as open_ones:

        def connect(account="pianificatore", **kwargs):
            kwargs = kwargs or {"username": account, "password": server.password}
            return open_ones.enter_context(flight_sql.connect(server.flight, db_kwargs=kwargs, autocommit=True))

        yield connect


@pytest.fixture
def cursor(connect):
    with connect().cursor() as cursor:
        yield cursor


# --- the driver


def test_a_question_into_arrow_pandas_and_polars(server, cursor):
    cursor.execute(QUESTION)
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 378 and table.schema.field("codice_istat").type == pa.string()
    answer = requests.post(
        server.http + "/api/v1/sql", json={"sql": QUESTION}, auth=("pianificatore", server.password), timeout=60
    )
    assert table.to_pylist() == answer.json()["rows"]
    cursor.execute(QUESTION)
    assert len(cursor.fetch_df()) == 378
    cursor.execute(QUESTION)
    assert polars.from_arrow(cursor.fetch_arrow_table()).height == 378
    cursor.execute("SELECT 1 AS uno WHERE false")
    assert cursor.fetch_arrow_table().num_rows == 0


def test_parameters_by_value_and_type(cursor):
    text = "SELECT count(*) FROM territorio.comuni WHERE sigla_provincia = $1 AND latitudine > $2"
    cursor.execute(text, ("RM", 41.9))
    some = cursor.fetchone()[0]
    cursor.execute(text, ("RM", 0.0))
    assert 0 < some < cursor.fetchone()[0] == 121
    cursor.execute(text, ("RM' OR true --", 0.0))
    assert cursor.fetchone()[0] == 0
    cursor.execute(
        "SELECT CAST($1 AS date) AS d, CAST($2 AS decimal(10, 2)) AS n, CAST($3 AS boolean) AS b, CAST($4 AS bigint) AS i",
        (datetime.date(2026, 10, 31), decimal.Decimal("12.50"), True, None),
    )
    assert cursor.fetchone() == (datetime.date(2026, 10, 31), decimal.Decimal("12.50"), True, None)


def test_the_catalog_shows_what_the_account_sees(connect):
    def tables(account):
        objects = connect(account).adbc_get_objects(depth="tables").read_all().to_pylist()
        return {
            f"{s['db_schema_name']}.{t['table_name']}"
            for c in objects
            for s in c["catalog_db_schemas"]
            for t in s["db_schema_tables"]
        }

    ours, theirs = tables("ispettore"), tables("amministratore")
    assert {"territorio.comuni", "assa.strutture", "assa.strutture_storia"} <= ours
    assert "sistema.deliveries" in theirs and "sistema.deliveries" not in ours


def test_columns_and_schemas_of_tables(connect):
    connection = connect()
    objects = connection.adbc_get_objects(depth="columns", db_schema_filter="assa", table_name_filter="strutture")
    (catalog,) = objects.read_all().to_pylist()
    (schema,) = catalog["catalog_db_schemas"]
    (table,) = schema["db_schema_tables"]
    names = [c["column_name"] for c in table["table_columns"]]
    assert names[0] == "codice_struttura" and "responsabile" not in names
    schema = connection.adbc_get_table_schema("strutture", db_schema_filter="assa")
    assert schema.names == names
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM assa.strutture LIMIT 1")
        answered = cursor.fetch_arrow_table().schema
    assert [(f.name, f.type) for f in answered] == [(f.name, f.type) for f in schema]
    assert connection.adbc_get_table_types() == ["TABLE"]
    assert connection.adbc_get_info()["vendor_name"] == "SISS"


def test_rows_follow_the_territory(connect):
    with connect("comune_058091").cursor() as cursor:
        cursor.execute("SELECT DISTINCT codice_istat FROM assa.strutture")
        assert cursor.fetchall() == [("058091",)]


def test_a_token_signs_in_and_wrong_ones_do_not(server, connect):
    header = "adbc.flight.sql.authorization_header"
    with connect(**{header: f"Bearer {server.token('comune_058120')}"}).cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    for kwargs in [
        {"username": "nessuno", "password": server.password},
        {header: "Bearer siss_wrong"},
        {header: "Bearer flight_" + "0" * 64 + "pianificatore"},
        {"adbc.flight.sql.rpc.call_header.x-nothing": "here"},
    ]:
        with pytest.raises(Exception, match=r"(?i)unauthenticated|auth\.failed"), connect(**kwargs).cursor() as cursor:
            cursor.execute("SELECT 1")


@pytest.mark.parametrize(
    "text",
    ["SELEC 1", "SELECT * FROM sigess.assenti", "DROP TABLE territorio.comuni", "CREATE TABLE x AS SELECT 1", "SELECT 1; SELECT 2"],
)
def test_wrong_questions_are_errors_and_the_connection_goes_on(connect, text):
    connection = connect()
    with connection.cursor() as cursor:
        with pytest.raises(flight_sql.Error):
            cursor.execute(text)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


def test_writing_is_refused(cursor):
    with pytest.raises(flight_sql.Error):
        cursor.executescript("DELETE FROM territorio.comuni")
    with pytest.raises(flight_sql.Error):
        cursor.adbc_ingest("nuova", pa.table({"a": [1]}), mode="create")


def test_an_answer_that_breaks_midway_is_an_error(cursor):
    cursor.execute(
        "SELECT 1 / (row_number() OVER () - 140000) AS x FROM territorio.comuni a CROSS JOIN territorio.comuni b"
    )
    with pytest.raises(Exception, match=r"(?i)divi|data"):
        cursor.fetch_arrow_table()


# --- plain Flight: what a driver never sends


def field(number, value):
    """One length-delimited field of a protobuf message."""

    def varint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n % 128 + 128]), n // 128
        return out + bytes([n])

    return varint(number << 3 | 2) + varint(len(value)) + value


def command(name, *fields):
    """A Flight SQL command, packed as it is sent."""
    url = b"type.googleapis.com/arrow.flight.protocol.sql." + name.encode()
    return field(1, url) + field(2, b"".join(fields))


@pytest.fixture
def plain(server):
    """plain(account): a Flight client with the call options of a signed-in account."""

    def plain(account):
        client = flight.FlightClient(server.flight.replace("grpc://", "grpc+tcp://"))
        header = client.authenticate_basic_token(account, server.password)
        return client, flight.FlightCallOptions(headers=[header])

    return plain


def test_a_ticket_is_good_once_and_for_its_account_only(plain):
    client, ours = plain("pianificatore")
    _, theirs = plain("comune_058091")
    asked = flight.FlightDescriptor.for_command(command("CommandStatementQuery", field(1, b"SELECT 1 AS uno")))
    ticket = client.get_flight_info(asked, ours).endpoints[0].ticket
    with pytest.raises(flight.FlightUnauthenticatedError):
        client.do_get(ticket).read_all()
    with pytest.raises(KeyError, match="statement.unknown"):  # pyarrow's class for "not found"
        client.do_get(ticket, theirs).read_all()
    assert client.do_get(ticket, ours).read_all().to_pylist() == [{"uno": 1}]
    with pytest.raises(KeyError, match="statement.unknown"):
        client.do_get(ticket, ours).read_all()


def test_the_schema_of_an_answer_without_the_answer(plain, cursor):
    """GetSchema, as ADBC's execute_schema asks it: the very schema that the answer has, and no ticket is spent."""
    sql = "SELECT codice_struttura, posti_autorizzati * 2 AS doppi FROM assa.posti WHERE posti_autorizzati > 0 LIMIT 1"
    client, ours = plain("pianificatore")
    asked = flight.FlightDescriptor.for_command(command("CommandStatementQuery", field(1, sql.encode())))
    waiting = client.get_flight_info(asked, ours).endpoints[0].ticket
    schemas = [client.get_schema(asked, ours).schema for _ in range(70)]  # more than the tickets an account may have waiting
    answer = client.do_get(waiting, ours).read_all()
    assert all(schema == answer.schema for schema in schemas)
    assert cursor.adbc_execute_schema(sql) == answer.schema
    tables = flight.FlightDescriptor.for_command(command("CommandGetTables"))
    assert client.get_schema(tables, ours).schema.names == ["catalog_name", "db_schema_name", "table_name", "table_type"]
    with pytest.raises(KeyError, match="sigess.segreta"):
        unknown = flight.FlightDescriptor.for_command(command("CommandStatementQuery", field(1, b"SELECT * FROM sigess.segreta")))
        client.get_schema(unknown, ours)
    with pytest.raises((flight.FlightError, pa.ArrowInvalid)):
        client.get_schema(flight.FlightDescriptor.for_command(b"nonsense"), ours)


def test_types_are_told(plain):
    client, options = plain("pianificatore")
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command("CommandGetXdbcTypeInfo")), options)
    types = {row["type_name"]: row["data_type"] for row in client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()}
    assert types == {"BOOLEAN": -7, "BIGINT": -5, "DECIMAL": 3, "DOUBLE": 8, "VARCHAR": 12, "DATE": 91, "TIMESTAMP": 93}


def test_every_call_asks_who_calls(server):
    client = flight.FlightClient(server.flight.replace("grpc://", "grpc+tcp://"))
    asked = flight.FlightDescriptor.for_command(command("CommandGetTables"))
    calls = [
        lambda: client.get_flight_info(asked),
        lambda: client.do_get(flight.Ticket(command("CommandGetTables"))).read_all(),
        lambda: list(client.do_action(flight.Action("CreatePreparedStatement", b""))),
        lambda: list(client.list_flights()),
        lambda: list(client.list_actions()),
        lambda: client.authenticate_basic_token("nessuno", "wrong"),
    ]
    for call in calls:
        with pytest.raises(flight.FlightUnauthenticatedError):
            call()
    with pytest.raises(OSError, match="unauthenticated"):  # pyarrow has no class of its own here
        client.get_schema(asked)


def test_plans_and_exchanges_are_refused(plain):
    client, options = plain("pianificatore")
    plan = flight.FlightDescriptor.for_command(command("CommandStatementSubstraitPlan", field(1, field(1, b"plan"))))
    with pytest.raises((flight.FlightError, NotImplementedError, pa.ArrowNotImplementedError)):
        client.get_flight_info(plan, options)
    with pytest.raises((flight.FlightError, NotImplementedError, pa.ArrowNotImplementedError)):
        writer, reader = client.do_exchange(plan, options)
        writer.begin(pa.schema([("a", pa.int64())]))
        writer.done_writing()
        reader.read_all()
    for invented in [b"", b"\xff" * 100, command("TicketStatementQuery", field(1, b"0" * 64))]:
        with pytest.raises((flight.FlightError, pa.ArrowInvalid, NotImplementedError, pa.ArrowException)):
            client.do_get(flight.Ticket(invented), options).read_all()


def test_basic_on_a_call_signs_in_too(server):
    client = flight.FlightClient(server.flight.replace("grpc://", "grpc+tcp://"))
    pair = base64.b64encode(f"pianificatore:{server.password}".encode())
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Basic " + pair)])
    assert client.do_get(flight.Ticket(command("CommandGetCatalogs")), options).read_all().to_pylist() == [{"catalog_name": "siss"}]

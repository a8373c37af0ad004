"""The PostgreSQL door, asked by psql and psycopg, with the questions that DBeaver, Metabase, Grafana and pgcli send."""

import asyncio
import contextlib
import datetime
import decimal
import os
import pathlib
import socket
import struct
import subprocess
import threading
import time

import asyncpg
import psycopg
import pytest
import sqlalchemy

COMUNI = 378
PLANNER = "pianificatore"
CLIENTS = {path.stem: path.read_text().rstrip("\n").split("\n---\n") for path in sorted(pathlib.Path(__file__).with_name("clients").glob("*.sql"))}


def address(server):
    host, port = server.postgres.rsplit(":", 1)
    return {"host": host, "port": int(port), "dbname": "siss"}


@pytest.fixture
def connect(server):
    """connect(account, **options): a psycopg connection; closed after the test."""
    with contextlib.ExitStack() as open_ones:

        def connect(account=PLANNER, **options):
            options = {"user": account, "password": server.password, "autocommit": True} | address(server) | options
            return open_ones.enter_context(psycopg.connect(**options))

        yield connect


@pytest.fixture
def ask(connect):
    """ask(sql, parameters=None, account=…): all rows."""

    def ask(sql, parameters=None, account=PLANNER, **options):
        return connect(account).execute(sql, parameters, **options).fetchall()

    return ask


@pytest.fixture
def psql(server):
    """psql(sql or meta-command, account): what it prints, unaligned; raises on an error."""

    def psql(command, account=PLANNER, password=None, options=(), check=True, script=None, **variables):
        at = address(server)
        line = ["psql", "-X", "-w", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", at["host"], "-p", str(at["port"]), "-U", account, "-d", "siss", *options]
        line += ["-c", command] if script is None else ["-f", "-"]
        environment = os.environ | {"PGPASSWORD": password or server.password} | variables
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, input=script)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if check else done

    return psql


# --- signing in


def test_psql_signs_in_by_scram_inside_tls(psql):
    assert psql("SELECT current_user, current_database()") == "pianificatore|siss\n"
    encrypted = psql("\\conninfo")
    assert "SSL connection" in encrypted and "TLSv1.3" in encrypted


def test_channel_binding_and_the_plain_mechanism(psql):
    assert psql("SELECT 1", PGCHANNELBINDING="require") == "1\n"
    assert psql("SELECT 1", PGCHANNELBINDING="disable") == "1\n"
    assert psql("SELECT 1", PGSSLMODE="disable") == "1\n"


def test_the_certificate_can_be_verified(server, psql):
    certificate = server.data / "tls" / "cert.pem"
    assert psql("SELECT 1", PGSSLMODE="verify-full", PGSSLROOTCERT=str(certificate)) == "1\n"


@pytest.mark.parametrize("account", [PLANNER, "nessuno_di_questo_nome"])
def test_a_wrong_password_and_an_unknown_account_look_the_same(server, account):
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(user=account, password="sbagliata", **address(server))
    assert f'password authentication failed for user "{account}"' in str(refused.value)


def test_unknown_accounts_have_a_salt_that_stays(server):
    assert first_salt(server, "nessuno_mai_visto") == first_salt(server, "nessuno_mai_visto")
    assert first_salt(server, "nessuno_mai_visto") != first_salt(server, "nessun_altro")


def test_the_database_must_be_siss(server):
    with pytest.raises(psycopg.OperationalError, match='database "postgres" does not exist'):
        psycopg.connect(user=PLANNER, password=server.password, **(address(server) | {"dbname": "postgres"}))


def test_a_token_is_a_password_inside_tls_only(server, siss):
    token = siss("token", "--data", server.data, "--account", "comune_058120").stdout.strip()
    with psycopg.connect(user="token", password=token, sslmode="require", **address(server)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("comune_058120",)
    with pytest.raises(psycopg.OperationalError, match="over TLS only"):
        psycopg.connect(user="token", password=token, sslmode="disable", **address(server))
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(user="token", password=token + "x", sslmode="require", **address(server))


def test_nobody_becomes_another(connect):
    for sql in ["SET ROLE amministratore", "SET SESSION AUTHORIZATION amministratore"]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connect().execute(sql)


def test_what_is_slipped_in_before_tls_never_arrives(server):
    with socket.create_connection((address(server)["host"], address(server)["port"]), timeout=20) as plain:
        plain.sendall(struct.pack("!II", 8, 80877103) + startup(PLANNER))
        assert plain.recv(1) == b"S"
        assert plain.recv(100) in (b"",) or not plain.recv(100).startswith(b"R")


def test_nonsense_ends_only_its_own_connection(server, ask):
    for bytes_ in [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 40, struct.pack("!II", 2**31 - 1, 196608), struct.pack("!II", 8, 196608)]:
        with socket.create_connection((address(server)["host"], address(server)["port"]), timeout=20) as plain:
            with contextlib.suppress(OSError):
                plain.sendall(bytes_)
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(1000):
                    pass
    assert ask("SELECT 1") == [(1,)]


# --- values


def test_every_type_as_text_and_binary(ask):
    sql = """SELECT true AS b, CAST(-32768 AS smallint) AS i2, CAST(2147483647 AS integer) AS i4, 9223372036854775807 AS i8, CAST(1.5 AS double precision) AS f8,
        CAST('12345678901234567890.123456789012345678' AS decimal(38,18)) AS n, CAST('-0.05' AS decimal(12,2)) AS small, DATE '2026-11-23' AS d,
        TIMESTAMP '2026-11-23 08:09:10.123456' AS t, 'l''Aquila è qui' AS s, CAST(NULL AS text) AS nothing, ARRAY[1, 2] AS list"""
    expected = (
        True, -32768, 2147483647, 9223372036854775807, 1.5, decimal.Decimal("12345678901234567890.123456789012345678"), decimal.Decimal("-0.05"),
        datetime.date(2026, 11, 23), datetime.datetime(2026, 11, 23, 8, 9, 10, 123456), "l'Aquila è qui", None, [1, 2],
    )  # fmt: skip
    for binary in [False, True]:
        rows = ask(sql, binary=binary)
        assert rows == [expected]
        assert [type(a) for a in rows[0]] == [type(b) for b in expected]


def test_decimals_of_the_lake_are_exact(ask):
    text = ask("SELECT CAST(sum(importo) AS text) FROM piani_zona.importi")[0][0]
    for binary in [False, True]:
        [(total, one)] = ask("SELECT sum(importo), max(importo) FROM piani_zona.importi", binary=binary)
        assert total == decimal.Decimal(text) and one.as_tuple().exponent == -2


def test_recorded_times_have_a_zone(ask):
    [(recorded,)] = ask("SELECT max(registrato_dal) FROM assa.strutture_storia")
    assert recorded.tzinfo is not None
    assert abs(recorded - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(days=30)


def test_codes_keep_their_zeros(ask):
    assert ask("SELECT codice_istat FROM territorio.comuni WHERE comune = 'Roma'") == [("058091",)]


def test_types_are_told(connect):
    cursor = connect().execute("SELECT importo, anno, fondo, data_atto, leps FROM piani_zona.importi LIMIT 0")
    assert [(c.name, c.type_code, c.precision, c.scale) for c in cursor.description] == [
        ("importo", 1700, 12, 2), ("anno", 20, None, None), ("fondo", 25, None, None), ("data_atto", 1082, None, None), ("leps", 16, None, None),
    ]  # fmt: skip
    assert cursor.statusmessage == "SELECT 0"


# --- parameters


@pytest.mark.parametrize("mark", ["%s", "%t", "%b"])
@pytest.mark.parametrize(
    "value",
    [True, 7, 70_000, 2**40, -1.25, decimal.Decimal("-12345.6789"), datetime.date(1999, 12, 31), "testo ' con \\ apici", "", None],
    ids=str,
)
def test_parameters_come_back(ask, mark, value):
    [(back,)] = ask(f"SELECT {mark}" + ("::numeric(20,4)" if isinstance(value, decimal.Decimal) else ""), [value])
    assert back == value


def test_timestamps_as_parameters(ask):
    moment = datetime.datetime(2026, 11, 23, 8, 9, 10, 5, tzinfo=datetime.timezone.utc)
    for mark in ["%t", "%b"]:
        assert ask(f"SELECT count(*) FROM assa.strutture_storia WHERE registrato_dal < {mark}", [moment + datetime.timedelta(days=9999)]) == ask("SELECT count(*) FROM assa.strutture_storia")


def test_parameters_take_the_type_of_their_place(ask):
    sql = "SELECT comune FROM territorio.comuni WHERE codice_istat = %s AND superficie_kmq > %s AND latitudine BETWEEN %s AND %s LIMIT %s"
    assert ask(sql, ["058091", decimal.Decimal("1.5"), 41, 42.5, 5]) == [("Roma",)]
    assert ask("SELECT count(*) FROM territorio.comuni WHERE codice_istat = ANY(%s)", [["058091", "058120"]]) == [(2,)]
    assert ask("SELECT count(*) FROM territorio.comuni WHERE codice_istat <> ALL(%s)", [["058091"]]) == [(COMUNI - 1,)]


def test_a_value_that_does_not_fit_is_the_askers_error(connect):
    with pytest.raises(psycopg.errors.InvalidTextRepresentation) as wrong:
        connect().execute("SELECT 1 FROM piani_zona.importi WHERE anno = %s", ["duemila"])
    assert "duemila" not in str(wrong.value)


def test_prepared_statements_are_used_again(connect):
    connection = connect()
    for number in range(12):
        assert connection.execute("SELECT %s + 1", [number], prepare=True).fetchone() == (number + 1,)
    connection.execute("DEALLOCATE ALL")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_pipelines(connect):
    connection = connect()
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", [n]) for n in range(20)]
    assert [c.fetchone()[0] for c in cursors] == list(range(20))
    with pytest.raises(psycopg.errors.SyntaxError), connection.pipeline():
        connection.execute("SELEC 1")
        connection.execute("SELECT 1")
    assert connection.execute("SELECT 2").fetchone() == (2,)


# --- statements


def test_several_statements_in_one_message(connect):
    cursor = connect().execute("SELECT 1; SET application_name = 'prova'; SELECT ';' AS x; SHOW application_name;")
    found = [cursor.fetchall() if cursor.description else cursor.statusmessage]
    while cursor.nextset():
        found.append(cursor.fetchall() if cursor.description else cursor.statusmessage)
    assert found == [[(1,)], "SET", [(";",)], [("prova",)]]


def test_an_error_ends_the_message_and_shows_its_place(connect, psql):
    with pytest.raises(psycopg.errors.SyntaxError) as wrong:
        connect().execute("SELECT 1;\nSELECT codice_istat FORM territorio.comuni")
    assert wrong.value.diag.sqlstate == "42601"
    assert wrong.value.diag.message_detail == "SISS sql.syntax"
    shown = psql("SELECT comune, non_ce FROM territorio.comuni", check=False).stderr.splitlines()
    assert shown[1].startswith("LINE 1: ") and shown[2].index("^") - len("LINE 1: ") == len("SELECT comune, ")


@pytest.mark.parametrize(
    "sql, state",
    [
        ("SELECT 1/0", "22012"),
        ("SELECT * FROM territorio.nulla", "42P01"),
        ("SELECT non_ce FROM territorio.comuni", "42703"),
        ("SELECT repeat('x', 10)", "42883"),
        ("SELECT comune::int FROM territorio.comuni", "22P02"),
        ("INSERT INTO territorio.comuni VALUES (1)", "42501"),
        ("COPY territorio.comuni TO '/tmp/x'", "42501"),
        ("CREATE TABLE t (a int)", "42501"),
        ("SHOW tables", "42704"),
        ("FETCH 1 FROM nulla", "34000"),
        ("DECLARE c CURSOR FOR SELECT 1", "25P01"),
    ],
)
def test_errors_have_their_class(connect, sql, state):
    with pytest.raises(psycopg.Error) as wrong:
        connect().execute(sql)
    assert wrong.value.sqlstate == state


def test_transactions_fail_as_a_whole(connect):
    connection = connect(autocommit=False)
    assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1/0")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.rollback()
    with pytest.raises(psycopg.errors.DivisionByZero), connection.transaction(), connection.transaction():
        connection.execute("SELECT 1/0")
    assert connection.execute("SELECT 2").fetchone() == (2,)
    connection.commit()


def test_settings(connect):
    connection = connect(application_name="prova")
    assert connection.execute("SHOW application_name").fetchone() == ("prova",)
    assert connection.info.server_version == 160000 and connection.info.encoding == "utf-8"
    for sql in ["SET extra_float_digits = 3", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET search_path TO assa, public", "RESET ALL", "DISCARD ALL"]:
        assert connection.execute(sql).statusmessage == sql if sql == "DISCARD ALL" else sql.split()[0]
    assert connection.execute("SHOW transaction isolation level").fetchone() == ("read committed",)
    with pytest.raises(psycopg.errors.UndefinedObject):
        connection.execute("SET datafusion_memory = 1")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        connection.execute("SET client_encoding TO LATIN1")


def test_statement_timeout(connect):
    connection = connect(options="-c statement_timeout=300ms")
    began = time.monotonic()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(SLOW)
    assert time.monotonic() - began < 10
    connection.execute("SET statement_timeout = 0")
    assert connection.execute("SELECT 1").fetchone() == (1,)


# --- cursors, cancelling, many rows

# Runs for minutes if nobody stops it.
SLOW = "SELECT count(*) FROM territorio.popolazione a, territorio.popolazione b WHERE a.totale < b.totale AND a.eta <> b.eta"


def test_a_server_side_cursor_reads_in_portions(connect):
    connection = connect(autocommit=False)
    with connection.cursor("cursore uno") as cursor:
        cursor.execute("SELECT codice_istat FROM territorio.comuni WHERE codice_istat >= %s ORDER BY 1", ["0"])
        assert [c.name for c in cursor.description] == ["codice_istat"]
        first = cursor.fetchmany(100)
        # Another question in between, on the same connection.
        assert connection.execute("SELECT count(*) FROM territorio.comuni").fetchone() == (COMUNI,)
        rest = cursor.fetchall()
    assert len(first) == 100 and len(first) + len(rest) == COMUNI
    assert first + rest == sorted(first + rest)
    with connection.cursor("due", withhold=True) as cursor:
        cursor.execute("SELECT generate FROM (VALUES (1), (2), (3)) AS t(generate) ORDER BY 1")
        connection.commit()
        assert cursor.fetchone() == (1,)
        cursor.scroll(1)
        assert cursor.fetchall() == [(3,)]
    connection.rollback()


def test_a_binary_cursor(connect):
    connection = connect(autocommit=False)
    with connection.cursor("c", binary=True) as cursor:
        cursor.execute("SELECT superficie_kmq, latitudine FROM territorio.comuni WHERE comune = 'Roma'")
        [(area, latitude)] = cursor.fetchall()
    assert isinstance(area, decimal.Decimal) and isinstance(latitude, float)


def test_open_cursors_do_not_hold_workers(connect, ask):
    """More cursors than workers and than queries of one account: each paused one has let its worker go."""
    connections = [connect(autocommit=False) for _ in range(6)]
    cursors = []
    for connection in connections:
        cursor = connection.cursor("c")
        cursor.execute("SELECT * FROM territorio.popolazione ORDER BY codice_istat")
        assert len(cursor.fetchmany(10)) == 10
        cursors.append(cursor)
    [(all_rows,)] = ask("SELECT count(*) FROM territorio.popolazione")
    assert [10 + len(c.fetchall()) for c in cursors] == [all_rows] * 6


def test_portals_with_a_row_limit(server):
    """What JDBC does with a fetch size: the same portal is executed again and again."""
    with Raw(server) as raw:
        raw.send(b"Q", b"BEGIN\0")
        raw.until(b"Z")
        raw.send(b"P", b"\0SELECT codice_istat FROM territorio.comuni\0\0\0")
        raw.send(b"B", b"p\0\0\0\0\0\0\0\0")
        counts, kinds = [], b"s"
        while kinds[-1:] == b"s":
            raw.send(b"E", b"p\0" + struct.pack("!i", 100))
            raw.send(b"H", b"")
            got = raw.until(b"s", b"C")
            counts.append(sum(kind == b"D" for kind, _ in got))
            kinds = got[-1][0]
        raw.send(b"S", b"")
        raw.until(b"Z")
    assert counts == [100, 100, 100, 78]


def test_a_query_is_cancelled(connect, ask):
    connection = connect()
    threading.Timer(1, connection.cancel_safe).start()
    began = time.monotonic()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(SLOW)
    assert time.monotonic() - began < 15
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_wrong_key_cancels_nothing(server, connect):
    connection = connect()
    done = []
    runner = threading.Thread(target=lambda: done.append(connection.execute("SELECT count(*) FROM territorio.popolazione a, territorio.comuni b").fetchone()))
    runner.start()
    for key in range(20):
        with socket.create_connection((address(server)["host"], address(server)["port"]), timeout=20) as plain:
            plain.sendall(struct.pack("!IIiI", 16, 80877102, connection.info.backend_pid, key))
    runner.join(60)
    assert len(done) == 1


def test_a_client_that_leaves_ends_its_query(server, ask):
    """More abandoned queries than one account may run: had they not ended, the next question would wait for them."""
    for _ in range(4):
        left = psycopg.connect(user=PLANNER, password=server.password, **address(server))
        left.pgconn.send_query(SLOW.encode())
        left.pgconn.flush()
        time.sleep(0.5)
        left.pgconn.finish()
    began = time.monotonic()
    assert ask("SELECT count(*) FROM territorio.comuni") == [(COMUNI,)]
    assert time.monotonic() - began < 15


def test_an_error_comes_before_sync(server):
    """Clients that wait for Describe's answer before they send Sync would else wait for ever."""
    with Raw(server) as raw:
        raw.send(b"P", b"\0SELECT non_ce FROM territorio.comuni\0\0\0")
        raw.send(b"D", b"S\0")
        raw.send(b"H", b"")
        assert [message(raw.plain)[0] for _ in range(2)] == [b"1", b"E"]
        raw.send(b"S", b"")
        assert message(raw.plain) == (b"Z", b"I")


def test_a_message_too_large_is_refused(server):
    with Raw(server) as raw:
        raw.plain.sendall(b"Q" + struct.pack("!I", 64 << 20) + b"SELECT 1")
        kind, body = message(raw.plain)
        assert kind == b"E" and b"C08P01\0" in body
        assert raw.plain.recv(1) == b""


def test_many_rows_stream(connect):
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT a.codice_istat, b.codice_istat, a.comune FROM territorio.comuni a CROSS JOIN territorio.comuni b")
        assert cursor.rowcount == COMUNI**2 and cursor.statusmessage == f"SELECT {COMUNI**2}"


# --- rights


def test_each_sees_its_own(ask):
    assert ask("SELECT DISTINCT codice_istat FROM assa.strutture", account="comune_058120") == [("058120",)]
    assert ask("SELECT DISTINCT ambito FROM piani_zona.importi", account="distretto_rm_5_1") == [("RM 5.1",)]
    assert len(ask("SELECT DISTINCT codice_istat FROM assa.strutture")) > 10


def test_hidden_and_absent_are_told_alike(connect):
    messages = []
    for name in ["sigess.accessi", "sigess.inventata"]:
        with pytest.raises(psycopg.errors.UndefinedTable) as wrong:
            connect("ispettore").execute(f"SELECT * FROM {name}")
        messages.append(str(wrong.value).replace(name, "X").splitlines()[0])
    assert messages[0] == messages[1]


def test_the_catalog_shows_only_what_is_visible(ask):
    columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'sigess' AND table_name = 'accessi'"
    assert ("bisogno",) in ask(columns, account="distretto_rm_5_1")
    assert ("bisogno",) not in ask(columns)
    catalog = "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname = 'accessi'"
    assert ("bisogno",) in ask(catalog, account="distretto_rm_5_1")
    assert ("bisogno",) not in ask(catalog)
    comments = "SELECT description FROM pg_description WHERE description LIKE '%bisogno principale%'"
    assert ask(comments) == []


def test_the_catalog_holds_no_data(connect):
    with pytest.raises(psycopg.errors.UndefinedTable):
        connect().execute("SELECT * FROM territorio.comuni, pg_class")


# --- psql's own questions


def test_psql_lists(psql):
    tables = psql("\\dt")
    assert "assa|strutture|table|siss" in tables and "strutture_storia" not in tables
    assert "assa|strutture_storia|view|siss" in psql("\\dv")
    assert {line.split("|")[0] for line in psql("\\dn").splitlines()} >= {"assa", "territorio", "piani_zona", "sigess", "sirse"}
    assert psql("\\l").startswith("siss|siss|UTF8|")
    assert "pianificatore|" in psql("\\du")
    assert "comuni" in psql("\\dt territorio.*")


def test_psql_describes_a_table_with_its_comments(psql):
    shown = psql("\\d+ assa.strutture")
    lines = {line.split("|")[0]: line for line in shown.splitlines() if "|" in line}
    assert lines["codice_struttura"].startswith("codice_struttura|text||not null|")
    assert "Codice regionale della struttura" in lines["codice_struttura"]
    assert "Strutture socio-assistenziali" in psql("\\dt+ assa.*")
    assert "numeric(12,2)" in psql("\\d assa.posti")
    assert "Did not find any relation" in psql("\\d assa.inventata", check=False).stderr
    for command in ["\\d", "\\dn+", "\\dp", "\\df", "\\dT", "\\di", "\\ds", "\\dx", "\\d territorio.comuni"]:
        psql(command)


def test_psql_formats(psql):
    assert psql("SELECT comune, latitudine > 0, superficie_kmq FROM territorio.comuni WHERE codice_istat = '058091'").startswith("Roma|t|")
    assert psql("", script="SELECT 1 AS a, NULL AS b \\gdesc\n") == "a|bigint\nb|text\n"
    assert psql("SELECT codice_istat FROM territorio.comuni ORDER BY 1", options=["-v", "FETCH_COUNT=50"]).count("\n") == COMUNI


# --- other clients


@pytest.mark.parametrize("sql", [pytest.param(sql, id=f"{client}-{number}") for client, all_ in CLIENTS.items() for number, sql in enumerate(all_, 1)])
def test_questions_of_known_clients(connect, sql):
    connect().execute(sql)


def test_oids_agree_between_questions(ask):
    """Questions go to different workers: each must name a relation by the same number."""
    oids = {ask("SELECT oid FROM pg_class WHERE relname = 'strutture'")[0] for _ in range(8)}
    assert len(oids) == 1
    [(oid,)] = oids
    assert ask("SELECT 'assa.strutture'::regclass::oid, obj_description('assa.strutture'::regclass, 'pg_class') IS NOT NULL") == [(oid, True)]
    assert ask("SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum = 1", [oid]) == [("codice_struttura",)]
    assert ask(f"SELECT col_description({oid}, 1) LIKE 'Codice%'") == [(True,)]


def test_metabase_finds_tables_and_keys(ask):
    [tables] = [q for q in CLIENTS["metabase"] if "n_live_tup" in q]
    found = {(schema, name): (kind, description) for schema, name, kind, description, _ in ask(tables.replace("('public')", "('assa', 'territorio')"))}
    assert found["assa", "strutture"][0] == "TABLE" and found["assa", "strutture"][1].startswith("Strutture socio-assistenziali")
    assert found["assa", "strutture_storia"][0] == "VIEW"
    assert ask("SELECT column_name FROM information_schema.key_column_usage WHERE constraint_name = 'comuni_pkey'") == [("codice_istat",)]


def test_jdbc_finds_the_key(ask):
    [keys] = [q for q in CLIENTS["jdbc"] if "_pg_expandarray" in q]
    found = ask(keys.replace("'assa'", "'piani_zona'").replace("'strutture'", "'importi'"))
    assert [row[3] for row in found] == ["ambito", "anno", "fondo", "macro_attivita", "utenza", "fase"]
    assert {row[5] for row in found} == {"importi_pkey"}


def test_sqlalchemy_reflects_tables(server):
    at = address(server)
    url = sqlalchemy.URL.create("postgresql+psycopg", PLANNER, server.password, at["host"], at["port"], at["dbname"])
    with sqlalchemy.create_engine(url).connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        assert {"assa", "territorio"} <= set(inspector.get_schema_names())
        assert {"ispezioni", "posti", "provvedimenti", "strutture"} <= set(inspector.get_table_names("assa"))
        assert "strutture_storia" in inspector.get_view_names("assa")
        assert inspector.get_pk_constraint("posti", "assa")["constrained_columns"] == ["codice_struttura", "tipo_posto", "utenza", "data_rilevazione"]
        [key] = [k for k in inspector.get_foreign_keys("posti", "assa") if k["constrained_columns"] == ["codice_struttura"]]
        assert (key["referred_schema"], key["referred_table"]) == ("assa", "strutture")
        assert inspector.get_table_comment("strutture", "assa")["text"].startswith("Strutture")
        comuni = sqlalchemy.Table("comuni", sqlalchemy.MetaData(), schema="territorio", autoload_with=connection)
        question = sqlalchemy.select(comuni.c.comune).where(comuni.c.codice_istat.in_(["058091", "058120"]), comuni.c.superficie_kmq > 1).order_by(comuni.c.comune)
        assert connection.execute(question).scalars().all() == ["Fiumicino", "Roma"]


def test_asyncpg_with_cursor_and_reset(server):
    """asyncpg sends and reads everything in binary."""

    async def talk():
        at = address(server)
        connection = await asyncpg.connect(user=PLANNER, password=server.password, host=at["host"], port=at["port"], database=at["dbname"])
        try:
            row = await connection.fetchrow("SELECT comune, superficie_kmq, latitudine FROM territorio.comuni WHERE codice_istat = ANY($1) AND superficie_kmq > $2", ["058091"], decimal.Decimal("1.5"))
            assert row["comune"] == "Roma" and isinstance(row["superficie_kmq"], decimal.Decimal)
            day = datetime.date(2000, 1, 1)
            assert await connection.fetchval("SELECT count(*) FROM piani_zona.importi WHERE data_atto < $1 AND leps = $2", day, True) == 0
            async with connection.transaction():
                assert len([r async for r in connection.cursor("SELECT codice_istat FROM territorio.comuni", prefetch=50)]) == COMUNI
            await connection.reset()
        finally:
            await connection.close()

    asyncio.run(talk())


def test_grafana_finds_columns(ask):
    [columns] = [q for q in CLIENTS["grafana"] if "information_schema.columns" in q]
    assert ("codice_istat", "text") in ask(columns.replace("public.games", "territorio.comuni"))


# --- the protocol by hand


def startup(user):
    body = struct.pack("!I", 196608) + b"user\0" + user.encode() + b"\0database\0siss\0\0"
    return struct.pack("!I", len(body) + 4) + body


def message(plain):
    kind, length = struct.unpack("!cI", exactly(plain, 5))
    return kind, exactly(plain, length - 4)


def exactly(plain, count):
    found = b""
    while len(found) < count:
        more = plain.recv(count - len(found))
        assert more, "the server closed the connection"
        found += more
    return found


def first_salt(server, user):
    with socket.create_connection((address(server)["host"], address(server)["port"]), timeout=20) as plain:
        plain.sendall(startup(user))
        assert message(plain) == (b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0")
        first = b"n,,n=,r=abcdefgh"
        body = b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first
        plain.sendall(b"p" + struct.pack("!I", len(body) + 4) + body)
        kind, answer = message(plain)
        assert kind == b"R"
        return [part for part in answer[4:].decode().split(",") if part.startswith("s=")][0]


class Raw:
    """A signed-in connection spoken to message by message."""

    def __init__(self, server):
        self.connection = psycopg.connect(user=PLANNER, password=server.password, sslmode="disable", autocommit=True, **address(server))
        self.plain = socket.socket(fileno=os.dup(self.connection.fileno()))
        self.plain.setblocking(True)
        self.plain.settimeout(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.plain.close()
        self.connection.close()

    def send(self, kind, body):
        self.plain.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def until(self, *kinds):
        found = []
        while True:
            found.append(message(self.plain))
            assert found[-1][0] != b"E", found[-1][1]
            if found[-1][0] in kinds:
                return found

"""The program from the command line: what scripts rely on."""

import json
import shutil
import signal
import stat

import pytest

from conftest import ACCOUNTS, PASSWORD, SCALE, SEED, serving

STRUTTURE = ["--dataset", "assa.strutture", "--sender", "058120", "--period", "2026-10"]


def test_help_shows_every_command_and_every_default(siss):
    overview = siss("--help").stdout
    for command in ["demo", "serve", "check", "read", "deliver", "sql", "user", "token", "maintain"]:
        assert f"\n  {command} " in overview
        assert siss(command, "--help").returncode == 0
    assert "worker" not in overview
    serve = siss("serve", "--help").stdout
    assert "127.0.0.1:8080" in serve and "SISS_HTTP" in serve


def test_contracts_have_no_mistakes(siss):
    checked = siss("check")
    assert checked.returncode == 0, checked.stdout
    assert "no mistakes" in checked.stdout


def test_check_says_every_mistake_with_its_place(siss, tmp_path):
    area = tmp_path / "prova"
    area.mkdir()
    (tmp_path / "roles.toml").write_text('[anonimo]\ntitle = { it = "Chiunque", en = "Anyone" }\n')
    (area / "uno.toml").write_text('version = "1.0.0"\ntitolo = 1\n')
    (area / "due.toml").write_text("version = \n")
    checked = siss("check", "--contracts", tmp_path)
    assert checked.returncode == 1
    assert "prova/uno.toml:" in checked.stdout and "prova/due.toml:1:" in checked.stdout


def test_a_second_demo_is_quick_and_another_one_is_refused(siss, lake, tmp_path):
    # A copy: on `lake` itself a server of other tests may work by now.
    lake = shutil.copytree(lake, tmp_path / "data")
    again = siss("demo", "--data", lake, "--scale", SCALE, "--seed", SEED, "--password", PASSWORD, "--no-serve", timeout=60)
    assert again.returncode == 0, again.stderr
    assert all(account in again.stdout for account in ACCOUNTS)
    other = siss("demo", "--data", lake, "--scale", SCALE, "--seed", "8", "--no-serve")
    assert other.returncode == 1 and "seed 7" in other.stderr


def test_a_second_server_on_the_same_data_is_refused(siss, server):
    second = siss("serve", "--data", server.data, "--http", "127.0.0.1:0", "--postgres", "127.0.0.1:0", "--flight", "127.0.0.1:0")
    assert second.returncode == 1 and "another server" in second.stderr


def test_a_server_ends_on_a_signal_with_success(lake_of_own):
    for number in [signal.SIGTERM, signal.SIGINT]:
        with serving(lake_of_own) as server:
            server.process.send_signal(number)
            assert server.process.wait(30) == 0


def test_secrets_are_readable_by_their_owner_only(lake):
    for secret in ["tls/key.pem", "state"]:
        assert stat.S_IMODE((lake / secret).stat().st_mode) & 0o077 == 0, secret


def test_a_tls_fault_means_no_start(siss, lake_of_own, tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    started = siss("serve", "--data", lake_of_own, "--http", "127.0.0.1:0", "--postgres", "127.0.0.1:0", "--flight", "127.0.0.1:0",
                   "--tls-cert", broken, "--tls-key", broken)
    assert started.returncode == 1 and "broken.pem" in started.stderr
    assert "ready" not in started.stdout


def test_sql_answers_as_the_account(siss, lake):
    count = "SELECT count(*) AS comuni FROM territorio.comuni"
    asked = siss("sql", count, "--account", "pianificatore", "--data", lake)
    assert asked.stdout.split() == ["comuni", "378"], asked.stderr
    rows = siss("sql", "SELECT DISTINCT codice_istat FROM assa.strutture", "--account", "comune_058120", "--format", "json", "--data", lake)
    assert [json.loads(line)["codice_istat"] for line in rows.stdout.splitlines()] == ["058120"]
    assert siss("sql", count, "--account", "nessuno", "--data", lake).returncode == 1


def test_accounts_and_tokens(siss, lake_of_own):
    def user(*arguments, **options):
        return siss("user", "--data", lake_of_own, *arguments, **options)

    made = user("add", "prova", "--role", "pianificatore")
    assert made.returncode == 0 and made.stdout.startswith("password: "), made.stderr
    assert user("add", "prova", "--role", "pianificatore").returncode == 1
    assert user("add", "comune", "--role", "comune").returncode == 1
    assert user("password", "prova", "--password-stdin", input="corta").returncode == 1
    assert user("password", "prova", "--password-stdin", input="abbastanza lunga\n").returncode == 0
    assert "prova" in [json.loads(line)["name"] for line in user("list").stdout.splitlines()]
    token = siss("token", "--data", lake_of_own, "--account", "prova", "--label", "prova")
    assert token.stdout.startswith("siss_")
    listed = json.loads(siss("token", "--data", lake_of_own, "--account", "prova", "--list").stdout)
    assert listed["label"] == "prova"
    assert siss("token", "--data", lake_of_own, "--account", "prova", "--revoke", listed["id"]).returncode == 0
    assert siss("token", "--data", lake_of_own, "--account", "prova", "--list").stdout == ""
    assert user("remove", "prova").returncode == 0
    assert user("remove", "prova").returncode == 1


def test_options_come_by_flag_variable_file_and_default_in_this_order(siss, tmp_path):
    config = tmp_path / "siss.toml"
    config.write_text('contracts = "/nowhere/file"\n')
    variable = {"SISS_CONTRACTS": "/nowhere/variable"}

    def looked_for(*arguments, **env):
        return siss("check", *arguments, env=env).stderr

    assert looked_for() == ""
    assert "/nowhere/file" in looked_for("--config", config)
    assert "/nowhere/file" in looked_for(SISS_CONFIG=str(config))
    assert "/nowhere/variable" in looked_for("--config", config, **variable)
    assert "/nowhere/flag" in looked_for("--config", config, "--contracts", "/nowhere/flag", **variable)
    config.write_text('contract = "x"\n')
    assert "'contract' is not an option" in looked_for("--config", config)


@pytest.fixture
def lake_of_own(tmp_path):
    """An empty lake."""
    return tmp_path / "data"

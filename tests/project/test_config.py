"""Settings: what each may be, and the one line that a wrong one is answered with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from finops.config import ROOT, Config, ConfigError, read_config

Read = Callable[..., Config]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FINOPS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    def read_with(**settings: str) -> Config:
        for name, value in settings.items():
            monkeypatch.setenv(f"FINOPS_{name}", value)
        return read_config(os.environ)

    return read_with


def wrong(read: Read, **settings: str) -> str:
    with pytest.raises(ConfigError) as failure:
        read(**settings)
    return str(failure.value)


def test_nothing_need_be_set(read: Read) -> None:
    config = read()
    assert (config.web_port, config.otlp_port, config.site_url) == (
        8000,
        4318,
        "http://127.0.0.1:8000",
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WEB_PORT", "abc", "a port from 1 to 65535"),
        ("WEB_PORT", "70000", "a port from 1 to 65535"),
        ("DEBUG", "maybe", "1 or 0"),
        ("LOG_FORMAT", "xml", "console or json"),
        ("PUBLIC_URL", "ledger", "an address as https://ledger.example.com"),
        ("TRUSTED_ORIGINS", "a.example", "origins as https://host, separated by commas"),
        ("EMAIL_FROM", "a@b\nBcc: c@d", "a sender as Inferledger <ledger@example.com>"),
        ("SPAN_RETENTION_DAYS", "0", "days from 1 to 3650"),
    ],
)
def test_a_wrong_value_is_one_line_with_what_is_allowed(
    read: Read, name: str, value: str, allowed: str
) -> None:
    line = f"FINOPS_{name}={value!r} can't be used; allowed: {allowed}."
    assert wrong(read, **{name: value}) == line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x"),
        ("DATABASE_URL", "postgresql://root:hunter2@db:99999/x"),
        ("DATABASE_URL", "postgresql:///hunter2"),
        ("CLICKHOUSE_URL", "http://u:hunter2@h:8123/x"),
        ("BROKER_URL", "amqp://u:hunter2@h"),
        ("EMAIL_URL", "imap://u:hunter2@h"),
    ],
)
def test_a_wrong_secret_is_hidden(read: Read, name: str, value: str) -> None:
    line = wrong(read, **{name: value})
    assert line.startswith(f"FINOPS_{name}=(hidden) can't be used; allowed: ")
    assert "hunter2" not in line


def test_every_wrong_setting_has_its_line(read: Read) -> None:
    lines = wrong(read, WEB_PORT="0", OTLP_PORT="x", WEB_PROT="8080").splitlines()
    assert [line.split("=")[0].split(":")[0] for line in lines] == [
        "FINOPS_WEB_PROT",
        "FINOPS_WEB_PORT",
        "FINOPS_OTLP_PORT",
    ]


def test_a_misspelt_name_is_answered_with_the_nearest(read: Read) -> None:
    assert wrong(read, WEB_PROT="1") == (
        "FINOPS_WEB_PROT: no such setting; the nearest name is FINOPS_WEB_PORT."
    )


def test_the_value_of_an_unknown_name_is_not_repeated(read: Read) -> None:
    assert "hunter2" not in wrong(read, SECRET_KEYS="hunter2")


def test_what_steers_the_tests_is_no_setting(read: Read) -> None:
    read(TEST_ANYTHING="1", REQUIRE_SERVICES="1")


def test_an_empty_variable_counts_as_unset(read: Read) -> None:
    assert read(WEB_PORT="", DATABASE_URL="").web_port == 8000


def test_lists_are_separated_by_commas(read: Read) -> None:
    hosts = read(ALLOWED_HOSTS=" a.example, b.example,").allowed_hosts
    assert hosts == ("a.example", "b.example")


def test_a_secret_is_read_from_the_file_that_is_named(read: Read, tmp_path: Path) -> None:
    file = tmp_path / "database_url"
    file.write_text("postgresql://u:p@db/ledger\n")
    url = read(DATABASE_URL_FILE=str(file)).database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql://u:p@db/ledger"


def test_a_wrong_secret_in_a_file_is_hidden(read: Read, tmp_path: Path) -> None:
    file = tmp_path / "email_url"
    file.write_text("imap://u:hunter2@h")
    line = wrong(read, EMAIL_URL_FILE=str(file))
    assert line.startswith("FINOPS_EMAIL_URL=(hidden) can't be used")


def test_a_secret_file_that_is_missing_or_empty_is_said(read: Read, tmp_path: Path) -> None:
    missing, empty = tmp_path / "nope", tmp_path / "empty"
    empty.touch()
    lines = wrong(read, SECRET_KEY_FILE=str(missing), BROKER_URL_FILE=str(empty)).splitlines()
    assert lines == [
        f"FINOPS_SECRET_KEY_FILE={str(missing)!r} can't be read (No such file or directory); "
        "name a file with the value.",
        f"FINOPS_BROKER_URL_FILE={str(empty)!r} is empty; name a file with the value.",
    ]


def test_a_secret_given_twice_is_refused(read: Read, tmp_path: Path) -> None:
    line = wrong(read, SECRET_KEY="x" * 40, SECRET_KEY_FILE=str(tmp_path / "key"))
    assert "FINOPS_SECRET_KEY is set too; keep one of them." in line


def test_what_is_no_secret_has_no_file(read: Read) -> None:
    assert "no such setting" in wrong(read, WEB_PORT_FILE="/etc/port")


def test_debugging_is_refused_where_others_can_connect(read: Read) -> None:
    assert "allowed: only with FINOPS_WEB_HOST=127.0.0.1" in wrong(
        read, DEBUG="1", WEB_HOST="0.0.0.0"
    )


def test_printing_the_settings_shows_no_secret(read: Read) -> None:
    config = read(
        SECRET_KEY="hunter2" * 8,
        DATABASE_URL="postgresql://u:hunter2@db/x",
        BROKER_URL="redis://:hunter2@h",
        CLICKHOUSE_URL="clickhouse://u:hunter2@h/x",
        EMAIL_URL="smtp://u:hunter2@h",
    )
    assert "hunter2" not in repr(config) + str(config)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "http://127.0.0.1:4318"),
        ({"OTLP_HOST": "0.0.0.0", "OTLP_PORT": "5000"}, "http://127.0.0.1:5000"),
        ({"OTLP_HOST": "::1"}, "http://[::1]:4318"),
        ({"OTLP_URL": "https://otlp.example.com/"}, "https://otlp.example.com"),
    ],
)
def test_apps_are_told_an_address_that_they_can_reach(
    read: Read, settings: dict[str, str], address: str
) -> None:
    assert read(**settings).otlp_endpoint == address


def test_the_embedded_clickhouse_must_have_run_once(read: Read, tmp_path: Path) -> None:
    config = read(DATA_DIR=str(tmp_path))
    with pytest.raises(ConfigError, match="start the product once"):
        config.warehouse_url()
    (tmp_path / "clickhouse").mkdir()
    (tmp_path / "clickhouse" / "password").write_text("a b/c\n")
    assert config.warehouse_url() == "clickhouse://finops:a%20b/c@127.0.0.1:19000/finops"


def test_every_setting_says_what_is_allowed() -> None:
    assert [n for n, field in Config.model_fields.items() if not field.description] == []


def run(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, *command),
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "check"),
        ("-m", "celery", "-A", "finops.celery", "report"),
        ("-c", "import finops.wsgi"),
    ],
)
def test_every_process_ends_with_the_line_and_status_2(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = run(*command, FINOPS_DATA_DIR=str(tmp_path), FINOPS_WEB_PORT="abc")
    assert done.returncode == 2
    assert done.stderr == (
        "inferledger: FINOPS_WEB_PORT='abc' can't be used; allowed: a port from 1 to 65535.\n"
    )


def test_a_data_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / "data")
    done = run("manage.py", "check", FINOPS_DATA_DIR=folder)
    assert done.returncode == 2
    assert done.stderr == (
        f"inferledger: FINOPS_DATA_DIR={folder!r} can't be used (Not a directory); "
        "allowed: a folder that this user can write to.\n"
    )

"""The relational database by URL: SQLite shared by processes, or PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection
from psycopg import sql
from pydantic import SecretStr

from finops.config import ROOT, Config
from finops.database import database_settings
from tests.services import postgres_url


def settings_of(url: str | None, folder: Path = Path("/nowhere")) -> dict[str, object]:
    secret = SecretStr(url) if url else None
    return database_settings(Config.model_construct(data_dir=folder, database_url=secret))


def test_sqlite_in_the_data_folder_is_the_default(tmp_path: Path) -> None:
    found = settings_of(None, tmp_path)
    assert found["ENGINE"] == "django.db.backends.sqlite3"
    assert found["NAME"] == str(tmp_path / "db.sqlite3")


def test_a_sqlite_url_names_an_absolute_path() -> None:
    assert settings_of("sqlite:////srv/my%20ledger.db")["NAME"] == "/srv/my ledger.db"


def test_a_postgresql_url_is_taken_apart() -> None:
    found = settings_of("postgresql://led%40ger:p%2Fw@db.example:5433/finops?sslmode=require")
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert [found[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "led@ger",
        "p/w",
        "db.example",
        "5433",
        "finops",
    ]
    assert found["OPTIONS"] == {"connect_timeout": 5, "sslmode": "require"}


@pytest.mark.skipif(
    "FINOPS_TEST_DATABASE_URL" in os.environ, reason="these tests run on another database"
)
@pytest.mark.django_db
def test_sqlite_waits_for_other_writers_and_begins_writing_at_once(tmp_path: Path) -> None:
    # a database in memory, as tests use, has no journal; one in a file has
    file = connection.copy()
    file.settings_dict["NAME"] = str(tmp_path / "db.sqlite3")
    with file.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,)
    assert file.transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]
    file.close()


PYTEST = (sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider")


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The URL of a new PostgreSQL database, dropped afterwards."""
    server = postgres_url()
    name = f"inferledger_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            for database in (name, f"test_{name}"):
                admin.execute(drop.format(sql.Identifier(database)))


@pytest.mark.services
def test_every_migration_applies_to_postgresql(empty_database: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "FINOPS_DATABASE_URL": empty_database,
        "FINOPS_DATA_DIR": str(tmp_path),
    }

    def manage(*command: str) -> str:
        done = subprocess.run(
            (sys.executable, "manage.py", *command),
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage("migrate", "--verbosity=0")
    manage("create_workspace", "acme")
    key = manage("create_api_key", "--workspace", "acme", "--scope", "read")
    with psycopg.connect(empty_database) as postgres:
        rows = postgres.execute("SELECT prefix, scopes FROM accounts_apikey").fetchall()
    assert rows == [(key.split("_")[1], ["read"])]
    assert not (tmp_path / "db.sqlite3").exists()


@pytest.mark.services
@pytest.mark.slow
def test_accounts_behave_the_same_on_postgresql(empty_database: str) -> None:
    done = subprocess.run(
        # Named, since a test before this one may have imported the Celery application, which names
        # the product's settings to its children.
        (*PYTEST, "--ds=tests.settings", "tests/accounts"),
        cwd=ROOT,
        env={**os.environ, "FINOPS_TEST_DATABASE_URL": empty_database},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]

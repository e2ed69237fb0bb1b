"""The relational database: SQLite in the data folder, or PostgreSQL by URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from finops.config import Config

CONNECT_TIMEOUT_S = 5


def database_settings(config: Config) -> dict[str, Any]:
    """Return Django's settings of the default database; SQLite's folder is made."""
    if config.database_url is None:
        return sqlite(str(config.make_data_dir() / "db.sqlite3"))
    url = urlsplit(config.database_url.get_secret_value())
    if url.scheme == "sqlite":
        # sqlite:////absolute/path: the third slash ends the empty host, the fourth begins the path
        return sqlite("/" + unquote(url.path).lstrip("/"))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": CONNECT_TIMEOUT_S, **dict(parse_qsl(url.query))},
    }


def sqlite(path: str) -> dict[str, Any]:
    """SQLite the way several processes can share it: WAL, and writers that wait for each other."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }

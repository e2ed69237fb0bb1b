"""The relational database: SQLite in the data folder, or PostgreSQL by URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from finops.config import Config, ConfigError

ALLOWED = "sqlite:///absolute/path or postgresql://user:password@host:5432/name"


def database_settings(config: Config) -> dict[str, Any]:
    """Return Django's settings of the default database; raises ConfigError for an unknown URL."""
    if not config.database_url:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        return sqlite(str(config.data_dir / "db.sqlite3"))
    url = urlsplit(config.database_url)
    if url.scheme == "sqlite":
        return sqlite(unquote(url.path))
    if url.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname or "",
            "PORT": str(url.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(parse_qsl(url.query)),
        }
    raise ConfigError(f"FINOPS_DATABASE_URL: scheme {url.scheme!r} is not known; use {ALLOWED}.")


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

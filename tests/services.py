"""The servers that some tests need: used where they are, skipped where not.

With FINOPS_REQUIRE_SERVICES=1 a missing one is a failure, so CI can't lose tests in silence.
"""

from __future__ import annotations

import os
import shutil
import socket
from urllib.parse import urlsplit

import pytest

POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/15"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def postgres_url() -> str:
    """A PostgreSQL whose user may create databases; FINOPS_TEST_POSTGRES_URL names another."""
    return listening("PostgreSQL", os.environ.get("FINOPS_TEST_POSTGRES_URL", POSTGRES), 5432)


def redis_url() -> str:
    """A Redis database that tests may empty; FINOPS_TEST_REDIS_URL names another."""
    return listening("Redis", os.environ.get("FINOPS_TEST_REDIS_URL", REDIS), 6379)


def chromium_path() -> str:
    """A Chromium to drive; FINOPS_TEST_CHROMIUM names another."""
    named = os.environ.get("FINOPS_TEST_CHROMIUM")
    for name in (named,) if named else CHROMIUM:
        if path := shutil.which(name):
            return path
    return missing("Chromium")


def listening(name: str, url: str, default_port: int) -> str:
    """Return the URL if something listens there."""
    parts = urlsplit(url)
    try:
        with socket.create_connection(
            (parts.hostname or "127.0.0.1", parts.port or default_port), timeout=2
        ):
            return url
    except OSError:
        return missing(name)


def missing(name: str) -> str:
    """Skip the test, or fail it where services are required."""
    if os.environ.get("FINOPS_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{name} is not there and FINOPS_REQUIRE_SERVICES=1.")
    pytest.skip(f"{name} is not there.")

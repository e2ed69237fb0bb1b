"""What the collector's tests share."""

from __future__ import annotations

import pytest

from tests.ingest.collector import Installation, install


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A database with a workspace and a key that may send."""
    return install(tmp_path_factory.mktemp("installation"))

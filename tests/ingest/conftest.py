"""What the collector's tests share."""

from __future__ import annotations

import hypothesis
import pytest

from tests.ingest.collector import Installation, install

# How long an example takes says more about the neighbours than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A database with a workspace and a key that may send."""
    return install(tmp_path_factory.mktemp("installation"))

"""The pytest fixture `inferledger_capture`, found by pytest through the entry point."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inferledger.testing import Captured, capture


@pytest.fixture
def inferledger_capture() -> Iterator[Captured]:
    """Every call that the test records, exact, with nothing sent."""
    with capture() as captured:
        yield captured

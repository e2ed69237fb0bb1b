"""One running product for all end-to-end tests of a process that don't break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, up, without the demo's traffic."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running

"""One running product for all end-to-end tests of a process, and the demo in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.stack import Stack, running_stack


@dataclass(frozen=True)
class Demo:
    """A key that reads the demo's workspace, and who can log in to it."""

    key: str
    email: str
    password: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests in one process where the run is spread by group: they share one product."""
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product after its first start, which played the demo: some hundred requests of it."""
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(folder, demo="1", demo_calls="600") as running:
        running.wait(lambda: "charged after" in running.said(), "the demo")
        yield running


@pytest.fixture(scope="session")
def demo(stack: Stack) -> Demo:
    email, password = stack.login()
    return Demo(stack.key("demo", "read"), email, password)

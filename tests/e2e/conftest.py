"""One running product for all end-to-end tests of a process, and the demo in it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.stack import Stack, running_stack


@dataclass(frozen=True)
class Demo:
    """The demo as it was played, a key that reads it and somebody who can log in."""

    run: subprocess.CompletedProcess[str]
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
    """The product, up, without the demo's traffic."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def demo(stack: Stack) -> Demo:
    """The demo, thinned to some hundred requests and played once."""
    run = stack.manage("demo", "--calls", "600")
    assert run.returncode == 0, run.stderr + stack.logs()
    made = stack.manage(
        *("create_user", "--workspace", "demo", "--email", "ada@example.com", "--role", "owner")
    )
    password = re.search(r"shown once\): (\S+)", made.stdout)
    assert password is not None, made.stderr
    return Demo(run, stack.key("demo", "read"), "ada@example.com", password[1])

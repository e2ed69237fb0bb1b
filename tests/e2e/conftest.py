"""One running product for all end-to-end tests of a process, and the demo in it.

A parallel run keeps them in one process: see tests/schedule.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.budgets.mail_server import MailServer
from tests.e2e.stack import Stack, running_stack


@dataclass(frozen=True)
class Demo:
    """A key that reads the demo's workspace, and who can log in to it."""

    key: str
    email: str
    password: str


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer) -> Iterator[Stack]:
    """The product after its first start, which played the demo: some hundred requests of it."""
    folder = tmp_path_factory.mktemp("stack")
    mail = f"smtp://127.0.0.1:{mail_server.port}"
    with running_stack(folder, demo="1", demo_calls="600", email_url=mail) as running:
        running.wait(lambda: "charged after" in running.said(), "the demo")
        yield running


@pytest.fixture(scope="session")
def demo(stack: Stack) -> Demo:
    email, password = stack.login()
    return Demo(stack.key("demo", "read"), email, password)

"""Several workers, as processes of their own on a database of their own, and a real mail server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.budgets.mail_server import MailServer
from tests.services import postgres_url

ROOT = Path(__file__).parent.parent.parent
BUDGETS = 6

SET_UP = """
import os
import django; django.setup()
from django.core.management import call_command; call_command("migrate", verbosity=0)
from finops.accounts.workspaces import create_workspace
from tests.budgets.scenes import make_budget, raise_alert
acme = create_workspace("acme", "Acme", timezone="Europe/Berlin")
budgets = [make_budget(acme, f"tenant-{i}") for i in range(6)]
raise_alert(budgets[0], spend="800")
os._exit(9)  # a worker that dies with its claim written and nothing sent
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def environment(
    request: pytest.FixtureRequest, tmp_path: Path, mail_server: MailServer
) -> Iterator[dict[str, str]]:
    """The environment of the workers: a fresh database with six budgets, and the mail server."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FINOPS_")},
        "DJANGO_SETTINGS_MODULE": "finops.settings",
        "FINOPS_DATA_DIR": str(tmp_path / "data"),
        "FINOPS_EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}",
        "FINOPS_LOG_LEVEL": "ERROR",
    }
    if request.param == "sqlite":
        set_up(environment)
        yield environment
        return
    url, name = postgres_url(), f"budgets_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            environment["FINOPS_DATABASE_URL"] = f"{url.rpartition('/')[0]}/{name}"
            set_up(environment)
            yield environment
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def set_up(environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", SET_UP]
    assert (
        subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=120).returncode == 9
    )


def let_two_workers_loose(environment: dict[str, str]) -> None:
    """Start both, and let them begin at the same moment."""
    start = Path(environment["FINOPS_DATA_DIR"]) / "start"
    command = [sys.executable, "-m", "tests.budgets.worker", str(start)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
    start.touch()
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]


def thresholds_told(server: MailServer) -> Counter[tuple[str, str]]:
    """Count the mails by tenant and threshold: "Budget at 80 %: tenant-3 spent ..."."""
    found = (
        re.match(r"Budget at (\d+ %): (\S+) ", str(m["Subject"]).strip()) for m in server.messages
    )
    return Counter((match[2], match[1]) for match in found if match)


def test_two_workers_send_each_alert_once_and_that_of_a_dead_third(
    environment: dict[str, str], mail_server: MailServer
) -> None:
    let_two_workers_loose(environment)
    assert thresholds_told(mail_server) == Counter(
        (f"tenant-{i}", threshold) for i in range(BUDGETS) for threshold in ("80 %", "100 %")
    )

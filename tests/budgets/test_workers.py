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
ROUNDS = 10  # each 100 USD more: 80 % of 1000 at the 8th, 100 % at the last

SET_UP = """
import django; django.setup()
from django.core.management import call_command; call_command("migrate", "budgets", verbosity=0)
from finops.accounts.workspaces import create_workspace
from tests.budgets.scenes import make_budget
acme = create_workspace("acme", "Acme", timezone="Europe/Berlin")
for i in range({budgets}): make_budget(acme, f"tenant-{{i}}")
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
        run(SET_UP.format(budgets=BUDGETS), environment)
        yield environment
        return
    url, name = postgres_url(), f"budgets_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            environment["FINOPS_DATABASE_URL"] = f"{url.rpartition('/')[0]}/{name}"
            run(SET_UP.format(budgets=BUDGETS), environment)
            yield environment
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(code: str, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=60)


def work(environment: dict[str, str], workers: int, *options: str) -> list[int]:
    """Let workers loose at the same moment; return their exit statuses."""
    start = Path(environment["FINOPS_DATA_DIR"]) / f"start-{uuid4().hex}"
    command = [sys.executable, "-m", "tests.budgets.worker", str(start), str(ROUNDS), *options]
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(workers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    start.touch()
    return [process.wait(timeout=60) for process in processes]


def thresholds_told(server: MailServer) -> Counter[tuple[str, str]]:
    """Count the mails by tenant and threshold: "Budget at 80 %: tenant-3 spent ..."."""
    found = (
        re.match(r"Budget at (\d+ %): (\S+) ", str(m["Subject"]).strip()) for m in server.messages
    )
    return Counter((match[2], match[1]) for match in found if match)


def test_each_alert_is_sent_once_by_two_workers_though_a_third_died_after_its_claim(
    environment: dict[str, str], mail_server: MailServer
) -> None:
    assert work(environment, 1, "--die-after-claim") == [9]
    assert mail_server.accepted == []
    assert work(environment, 2) == [0, 0]
    assert thresholds_told(mail_server) == Counter(
        (f"tenant-{i}", threshold) for i in range(BUDGETS) for threshold in ("80 %", "100 %")
    )

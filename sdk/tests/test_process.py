"""Ends and forks of processes, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from collector import Collector

PRELUDE = """
import datetime, os, sys, inferledger
NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
def record(name):
    inferledger.record(provider="p", model=name, started_at=NOW, ended_at=NOW)
"""


def run(program: str, endpoint: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "INFERLEDGER_ENDPOINT": endpoint,
        "INFERLEDGER_API_KEY": "ilk_test",
        "INFERLEDGER_SERVICE": "script",
    }
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


def names(collector: Collector) -> list[str]:
    return sorted(span["name"] for span in collector.spans)


def test_what_is_recorded_last_is_sent_at_exit(collector: Collector) -> None:
    done = run("inferledger.init(); record('last')", collector.endpoint)

    assert (done.returncode, done.stderr) == (0, "")
    assert names(collector) == ["chat last"]
    assert collector.spans[0]["resource"]["service.name"] == "script"


def test_an_exit_by_an_exception_sends_too(collector: Collector) -> None:
    done = run("inferledger.init(); record('last'); sys.exit(3)", collector.endpoint)

    assert done.returncode == 3
    assert names(collector) == ["chat last"]


def test_an_exit_does_not_wait_for_a_collector_that_never_answers(collector: Collector) -> None:
    collector.hold()

    done = run("inferledger.init(); record('last')", collector.endpoint)

    assert done.returncode == 0
    assert "the last calls may be lost" in done.stderr


def test_an_exit_does_not_wait_for_a_collector_that_is_down() -> None:
    with Collector() as gone:
        endpoint = gone.endpoint

    done = run("inferledger.init(); record('last')", endpoint)

    assert done.returncode == 0
    assert "does not answer" in done.stderr
    assert "1 calls could not be sent before the end" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_child_each_send_their_own_calls_once(collector: Collector) -> None:
    done = run(
        """
        inferledger.init()
        record('before')
        pid = os.fork()
        record('child' if pid == 0 else 'parent')
        if pid == 0:
            os._exit(0 if inferledger.flush() else 1)
        status = os.waitpid(pid, 0)[1]
        sys.exit(status)
        """,
        collector.endpoint,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert names(collector) == ["chat before", "chat child", "chat parent"]
    assert len({span["span_id"] for span in collector.spans}) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("pool", ["multiprocessing", "billiard"])
def test_workers_of_process_pools_send_at_their_end(pool: str, collector: Collector) -> None:
    pytest.importorskip(pool)
    done = run(
        f"""
        import {pool}
        inferledger.init()
        record('parent')
        worker = {pool}.get_context('fork').Process(target=record, args=('worker',))
        worker.start()
        worker.join()
        """,
        collector.endpoint,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert names(collector) == ["chat parent", "chat worker"]

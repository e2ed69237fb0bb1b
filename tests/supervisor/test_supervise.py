"""What the supervisor does with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from finops.supervisor.service import FIRST_PAUSE_S, LOG_LIMIT_BYTES, LONGEST_PAUSE_S, Service
from finops.supervisor.supervise import Supervisor, describe, wait_until

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    limit_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < limit_s, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_killed_process_is_started_again_and_the_reason_is_said(
    tmp_path: Path, said: list[str]
) -> None:
    supervisor = Supervisor(said.append)
    service = supervisor.add(Service("worker", SLEEP, tmp_path / "worker.log"))
    assert service.process is not None
    os.kill(service.process.pid, signal.SIGKILL)
    wait_for(lambda: not service.alive)
    assert wait_until(lambda: service.starts == 2 and service.alive, supervisor, 10)
    supervisor.stop()
    assert said == ["worker ended (SIGKILL); starting it again."]
    assert not service.alive


def test_a_process_that_keeps_dying_is_started_ever_more_rarely(tmp_path: Path) -> None:
    service = Service("web", SLEEP, tmp_path / "web.log")
    pauses = []
    for _ in range(8):
        service.plan_restart(now_s=0.0)
        pauses.append(service.due_s)
    assert pauses[:3] == [FIRST_PAUSE_S, FIRST_PAUSE_S * 2, FIRST_PAUSE_S * 4]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_process_that_was_well_is_started_at_once_again(tmp_path: Path) -> None:
    service = Service("web", SLEEP, tmp_path / "web.log")
    service.plan_restart(now_s=1.0)
    service.plan_restart(now_s=100.0)
    assert service.due_s == 100.0 + FIRST_PAUSE_S


def test_what_ignores_the_wish_to_stop_is_killed(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finops.supervisor.supervise.STOP_TIMEOUT_S", 0.5)
    deaf = textwrap.dedent("""
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(60)
    """)
    supervisor = Supervisor(said.append)
    service = supervisor.add(Service("deaf", (sys.executable, "-c", deaf), tmp_path / "deaf.log"))
    wait_for(lambda: "deaf" in service.last_lines())
    supervisor.stop()
    assert not service.alive
    assert len(said) == 1


def test_services_stop_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    script = textwrap.dedent("""
        import pathlib, signal, sys, time
        def stop(*_):
            with pathlib.Path(sys.argv[1]).open("a") as file:
                file.write(sys.argv[2] + " ")
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        print("ready", flush=True)
        time.sleep(60)
    """)
    supervisor = Supervisor(lambda _line: None)
    for name in ("clickhouse", "ingest", "web"):
        command = (sys.executable, "-c", script, str(ends), name)
        service = supervisor.add(Service(name, command, tmp_path / f"{name}.log"))
        wait_for(lambda service=service: "ready" in service.last_lines())  # type: ignore[misc]
    supervisor.stop()
    assert ends.read_text() == "web ingest clickhouse "


def test_a_long_log_is_cut_while_the_process_writes_on(tmp_path: Path) -> None:
    script = "import time\nwhile True: print('tick', flush=True); time.sleep(0.05)"
    service = Service("web", (sys.executable, "-c", script), tmp_path / "web.log")
    service.log.write_bytes(b"x" * (LOG_LIMIT_BYTES + 1))
    service.start(0.0)
    service.trim_log()
    wait_for(lambda: "tick" in service.last_lines())
    service.ask_to_stop()
    service.wait(10)
    assert service.log.stat().st_size < LOG_LIMIT_BYTES
    assert (tmp_path / "web.log.1").stat().st_size > LOG_LIMIT_BYTES


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a promise of the Linux kernel")
def test_children_end_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import pathlib, sys, time
        from finops.supervisor.service import Service
        service = Service("child", {SLEEP!r}, pathlib.Path({str(tmp_path / "child.log")!r}))
        service.start(0.0)
        print(service.process.pid, flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen((sys.executable, "-c", script), stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not is_running(child))


def test_an_end_is_named_by_signal_or_status() -> None:
    assert describe(-9) == "SIGKILL"
    assert describe(3) == "status 3"


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().split(") ")[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

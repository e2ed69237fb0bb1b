"""`manage.py ingest` as a person or a supervisor meets it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from ingest.record import tally
from ingest.segments import OPEN, SEALED
from tests.ingest.collector import Collector, Installation, collector
from tests.ingest.payloads import Span, request
from tests.ingest.waiting import wait_until

BODY = request(Span({"gen_ai.request.model": "gpt-4o"}))


def gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def loader_of(running: Collector, other_than: int | None = None) -> int:
    wait_until(lambda: running.loader() not in (None, other_than))
    found = running.loader()
    assert found is not None
    return found


def test_a_taken_port_is_one_clear_line(tmp_path: Path, installation: Installation) -> None:
    with collector(tmp_path, installation) as refused, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused.port = taken.getsockname()[1]
        refused.start()
        assert refused.process is not None
        assert refused.process.wait(120) == 1
        assert refused.log.strip() == (
            f"CommandError: Port {refused.port} on 127.0.0.1 can't be used (Address already in "
            "use): set FINOPS_OTLP_PORT to a free one."
        )


def test_sigterm_ends_it_with_everything_sealed(tmp_path: Path, installation: Installation) -> None:
    with collector(tmp_path, installation) as receiver:
        receiver.start("--part", "receiver")
        receiver.wait_ready()
        assert [receiver.post(BODY) for _ in range(20)] == [200] * 20
        assert receiver.stop() == 0
        assert list(receiver.spool.glob("*" + OPEN)) == []
        sealed = receiver.spool.glob("*" + SEALED)
        assert sum(tally(path.read_bytes())[0] for path in sealed) == 20
        assert installation.key not in receiver.log
        assert "Traceback" not in receiver.log


@pytest.mark.slow
def test_the_loader_is_started_again_and_never_outlives_the_receiver(
    tmp_path: Path, installation: Installation
) -> None:
    with collector(tmp_path, installation) as running:
        running.start()
        running.wait_ready()
        first = loader_of(running)
        os.kill(first, signal.SIGKILL)
        second = loader_of(running, other_than=first)
        running.kill()
        wait_until(lambda: gone(second))
        running.start()
        running.wait_ready()
        third = loader_of(running)
        assert running.stop() == 0
        assert gone(third)

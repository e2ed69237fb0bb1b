"""The process: who may run it, how it stops, and what survives when it is killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error as DriverError
from clickhouse_driver.errors import ServerException

from tests.clickhouse.embedded.conftest import only_embedded
from tests.clickhouse_server import ROOT, EmbeddedServer, running, spawn, start_embedded

pytestmark = only_embedded


def refused(data_dir: Path, *options: str) -> str:
    """Start a server that can't run; its one line."""
    process = spawn(data_dir, *options, log=subprocess.PIPE)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    lines = said.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_second_server_on_the_folder_names_the_first(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        line = refused(server.data_dir, "--port", "0")
        assert f"pid {server.process.pid}" in line and f"port {server.port}" in line
        assert str(server.data_dir) in line
        taken = refused(tmp_path / "other", "--port", str(server.port))
        assert f"Port {server.port}" in taken
        assert works(server)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_only_loopback_is_served(tmp_path: Path, host: str) -> None:
    assert "127.0.0.1" in refused(tmp_path / "data", "--host", host)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "can't be made" in refused(tmp_path / "file" / "data")


def works(server: EmbeddedServer) -> bool:
    with Client.from_url(server.url) as client:
        return bool(client.execute("SELECT 1") == [(1,)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_with_clients_connected(tmp_path: Path, number: int) -> None:
    server = start_embedded(tmp_path)
    idle, busy = Client.from_url(server.url), Client.from_url(server.url)
    idle.execute("SELECT 1")
    answers: list[object] = []
    thread = threading.Thread(
        target=lambda: answers.append(busy.execute("SELECT sum(sleepEachRow(0.1)) FROM numbers(8)"))
    )
    thread.start()
    with Client.from_url(server.url) as other:
        while not other.execute(
            "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND "
            "query NOT LIKE '%processes%'"
        )[0][0]:
            time.sleep(0.01)
    server.process.send_signal(number)
    assert server.process.wait(30) == 0
    thread.join(10)
    assert answers == [[(0,)]]
    log = server.log.read_text()
    assert log.count("event=ready") == 1 and "event=stopped" in log and "Traceback" not in log


def test_the_password_stays_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        first = server.password
        assert len(first) >= 32
        assert (server.data_dir / "password").stat().st_mode & 0o777 == 0o600
        assert server.data_dir.stat().st_mode & 0o777 == 0o700
        assert first not in server.log.read_text()
    (server.data_dir / "password").chmod(0o644)
    with running(tmp_path) as server:
        assert server.password == first
        assert (server.data_dir / "password").stat().st_mode & 0o777 == 0o600
    (server.data_dir / "password").write_text("")
    assert "password is empty" in refused(server.data_dir, "--port", "0")


def test_killed_in_the_middle_of_inserts_it_keeps_every_acknowledged_row(tmp_path: Path) -> None:
    server = start_embedded(tmp_path)
    client = Client.from_url(server.url)
    client.execute("CREATE TABLE t (batch UInt32, n UInt32) ENGINE = MergeTree ORDER BY batch")
    acknowledged: list[int] = []

    def insert() -> None:
        batch = 0
        try:
            while True:
                client.execute("INSERT INTO t VALUES", [(batch, n) for n in range(100)])
                acknowledged.append(batch)
                batch += 1
        except (DriverError, OSError, EOFError):
            return

    thread = threading.Thread(target=insert)
    thread.start()
    while len(acknowledged) < 40:
        time.sleep(0.01)
    (server.data_dir / "staging" / "999.native").write_bytes(b"left over")
    server.kill()
    thread.join(30)

    again = start_embedded(tmp_path, port=server.port)
    try:
        rows = dict(client.execute("SELECT batch, count() FROM t GROUP BY batch"))
        assert {batch: rows[batch] for batch in acknowledged} == dict.fromkeys(acknowledged, 100)
        # At most the one INSERT that was on its way is there beyond them, whole.
        assert len(rows) - len(acknowledged) in (0, 1)
        assert set(rows.values()) == {100}
        assert not list((server.data_dir / "staging").iterdir())
    finally:
        again.stop()


def test_many_clients_at_once_lose_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        with Client.from_url(server.url) as first:
            first.execute("CREATE TABLE t (who UInt8, n UInt32) ENGINE = MergeTree ORDER BY who")
        failed: list[Exception] = []

        def work(who: int) -> None:
            try:
                with Client.from_url(server.url) as client:
                    for n in range(12):
                        client.execute("INSERT INTO t VALUES", [(who, n)] * 50)
                        mine = f"SELECT count() FROM t WHERE who = {who}"
                        assert client.execute(mine) == [((n + 1) * 50,)]
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        with Client.from_url(server.url) as last:
            assert last.execute("SELECT count(), uniqExact(who, n) FROM t") == [(4800, 96)]


def test_a_backup_comes_back(tmp_path: Path) -> None:
    with running(tmp_path) as server, Client.from_url(server.url) as client:
        client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
        client.execute("INSERT INTO t VALUES", [(1,), (2,)])
        target = server.data_dir / "backups" / "first"
        assert (
            client.execute(f"BACKUP DATABASE finops TO File('{target}')")[0][1] == "BACKUP_CREATED"
        )
        client.execute("DROP TABLE t SYNC")
        client.execute(f"RESTORE TABLE finops.t FROM File('{target}')")
        assert client.execute("SELECT sum(a) FROM t") == [(3,)]
        with pytest.raises(ServerException):
            client.execute(f"BACKUP DATABASE finops TO File('{tmp_path / 'elsewhere'}')")
        assert client.execute("SELECT 1") == [(1,)]


def test_parts_are_synced_and_queries_logged_when_asked(tmp_path: Path) -> None:
    statement = "SELECT value FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'"
    with (
        running(tmp_path, "--fsync", "--query-log") as server,
        Client.from_url(server.url) as client,
    ):
        assert client.execute(statement) == [("1",)]
        client.execute("SYSTEM FLUSH LOGS")
        assert client.execute("SELECT count() > 0 FROM system.query_log") == [(1,)]
        assert "toIntervalDay(3)" in client.execute("SHOW CREATE TABLE system.query_log")[0][0]
    with running(tmp_path) as server, Client.from_url(server.url) as client:
        assert client.execute(statement) == [("0",)]


def test_times_are_utc_wherever_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    with running(tmp_path) as server, Client.from_url(server.url) as client:
        assert client.execute("SELECT timezone(), toString(toDateTime(0))") == [
            ("UTC", "1970-01-01 00:00:00")
        ]


def test_it_needs_neither_django_nor_chdb_to_be_imported() -> None:
    code = (
        "import sys, finops.clickhouse.embedded.server, finops.clickhouse.embedded.__main__;"
        "sys.exit(bool({'django', 'chdb', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_help_says_what_it_takes() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "finops.clickhouse.embedded", "--help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "--data-dir" in shown and "loopback" in shown


def test_a_port_is_free_again_after_a_stop(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)) as probe:
        assert probe.getsockname()[1] == port

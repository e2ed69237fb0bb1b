"""/healthz: each part and its state, asked of the real parts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.test import Client
from pydantic import SecretStr

from finops.accounts.models import Role, User
from finops.accounts.workspaces import create_workspace, set_role
from finops.config import Config
from finops.health import beat, last_beat
from finops.health.page import REPORT, Report, overall
from finops.health.probes import (
    Part,
    ask_all,
    ask_broker,
    ask_clickhouse,
    ask_database,
    ask_heartbeat,
    ask_ingest,
    ask_spool,
    safely,
)
from tests.services import redis_url

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PARTS = ["beat", "broker", "clickhouse", "database", "ingest", "ledger", "spool", "worker"]


@pytest.fixture(autouse=True)
def no_old_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REPORT, "asked_s", float("-inf"))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound and refuses, so that nobody else can come to listen on it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def serve(status: int) -> ThreadingHTTPServer:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.django_db
def test_the_database_is_asked_for_real() -> None:
    assert ask_database().state == "ok"


def test_clickhouse_that_answers_is_ok(clickhouse_url: str) -> None:
    part = ask_clickhouse(clickhouse_url)
    assert part.state == "ok"
    assert part.detail["version"]


def test_clickhouse_that_refuses_is_down(closed_port: int) -> None:
    url = f"clickhouse://finops:hunter2@127.0.0.1:{closed_port}/finops"
    part = safely("clickhouse", lambda: ask_clickhouse(url))
    assert part.state == "down"
    assert "hunter2" not in repr(part)


def test_clickhouse_that_hangs_is_down_soon(silent_port: int) -> None:
    url = f"clickhouse://finops:x@127.0.0.1:{silent_port}/finops"
    assert safely("clickhouse", lambda: ask_clickhouse(url)).state == "down"


@pytest.mark.parametrize(("status", "state"), [(200, "ok"), (503, "down"), (404, "down")])
def test_ingest_is_asked_by_its_own_healthz(status: int, state: str) -> None:
    server = serve(status)
    try:
        url = f"http://127.0.0.1:{server.server_port}/healthz"
        assert safely("ingest", lambda: ask_ingest(url)).state == state
    finally:
        server.shutdown()
        server.server_close()


def test_the_broker_of_folders_counts_what_waits(tmp_path: Path) -> None:
    config = Config.model_construct(data_dir=tmp_path, broker_url=None)
    assert safely("broker", lambda: ask_broker(config)).state == "down"
    queue = tmp_path / "broker" / "queue"
    queue.mkdir(parents=True)
    (queue / "task").touch()
    assert ask_broker(config) == Part("ok", {"waiting": 1})


@pytest.mark.services
def test_redis_is_pinged(closed_port: int) -> None:
    config = Config.model_construct(broker_url=SecretStr(redis_url()))
    assert ask_broker(config).state == "ok"
    gone = Config.model_construct(broker_url=SecretStr(f"redis://127.0.0.1:{closed_port}"))
    assert safely("broker", lambda: ask_broker(gone)).state == "down"


def test_a_spool_that_has_used_its_share_is_full(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "segment").write_bytes(b"x" * 100)
    assert ask_spool(tmp_path, 101).state == "ok"
    assert ask_spool(tmp_path, 101).detail["bytes"] == 100
    assert ask_spool(tmp_path, 100).state == "full"


def test_a_spool_that_nothing_was_sent_to_is_ok(tmp_path: Path) -> None:
    assert ask_spool(tmp_path / "spool", 100).state == "ok"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "silent_s", "state"),
    [("beat", 30, "ok"), ("beat", 31, "late"), ("worker", 120, "ok"), ("worker", 121, "late")],
)
def test_a_heartbeat_that_stays_out_is_late(name: str, silent_s: int, state: str) -> None:
    assert ask_heartbeat(name, NOON).state == "never"
    beat(name, NOON - timedelta(seconds=silent_s))
    assert ask_heartbeat(name, NOON).state == state


@pytest.mark.django_db
def test_the_last_heartbeat_counts() -> None:
    beat("worker", NOON)
    beat("worker", NOON + timedelta(seconds=5))
    assert last_beat("worker") == NOON + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        ("", "ok"),
        ("database", "down"),
        ("clickhouse", "down"),
        ("ingest", "degraded"),
        ("worker", "degraded"),
        ("spool", "degraded"),
    ],
)
def test_pages_need_the_two_stores_and_nothing_else(broken: str, status: str) -> None:
    parts = {name: Part("down" if name == broken else "ok") for name in PARTS}
    assert overall(parts) == status


@pytest.mark.django_db
def test_a_report_is_kept_for_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []

    def count(config: Config, now: datetime) -> dict[str, Part]:
        asked.append(now)
        return {}

    monkeypatch.setattr("finops.health.page.ask_all", count)
    report = Report()
    for now_s in (10.0, 11.9, 12.0, 13.0):
        report.fresh(now_s)
    assert len(asked) == 2


def test_while_one_asks_the_others_get_the_last_report() -> None:
    report = Report(parts={"database": Part("ok")})
    with report.lock:
        assert report.fresh(10.0) == {"database": Part("ok")}


@pytest.mark.django_db
def test_all_parts_are_asked_and_none_can_stop_the_others(tmp_path: Path, closed_port: int) -> None:
    config = Config.model_construct(
        data_dir=tmp_path, otlp_port=closed_port, clickhouse_url=None, broker_url=None
    )
    parts = ask_all(config, NOON)
    assert {name: parts[name].state for name in PARTS} == {
        "beat": "never",
        "broker": "down",
        "clickhouse": "down",
        "database": "ok",
        "ingest": "down",
        "ledger": "ok",
        "spool": "ok",
        "worker": "never",
    }


@pytest.mark.django_db
def test_without_clickhouse_the_answer_is_503_with_states_only(client: Client) -> None:
    response = client.get("/healthz")
    body = response.json()
    assert response.status_code == 503
    assert body["status"] == "down"
    assert sorted(body["parts"]) == PARTS
    assert all(list(part) == ["state"] for part in body["parts"].values())
    assert body["parts"]["database"] == {"state": "ok"}


def test_with_both_stores_the_answer_is_200(
    client: Client, db: None, clickhouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Config, "warehouse_url", lambda config: clickhouse_url)
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json()["parts"]["clickhouse"] == {"state": "ok"}


def test_a_member_sees_details_without_a_secret(client: Client, db: None) -> None:
    user = User.objects.create_user("alice@acme.example", None)
    set_role(user, create_workspace("acme", "Acme"), Role.VIEWER)
    client.force_login(user)
    parts = client.get("/healthz").json()["parts"]
    assert parts["database"]["engine"] in ("sqlite", "postgresql")
    assert "://" not in repr(parts)


def test_who_is_logged_in_without_a_workspace_sees_states_only(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("lonely@example.org", None))
    assert client.get("/healthz").json()["parts"]["database"] == {"state": "ok"}


@pytest.mark.django_db
def test_a_probe_is_asked_by_get_alone(client: Client) -> None:
    assert client.post("/healthz").status_code == 405

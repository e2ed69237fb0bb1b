"""Every answer has an id, and its log lines carry the same."""

from __future__ import annotations

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from finops.request_id import RequestIdMiddleware, choose_id, log_request, request_id_of

MADE = re.compile(r"req_[0-9a-f]{24}")


def test_every_answer_has_an_id_of_its_own(client: Client, db: None) -> None:
    ids = {client.get(path).headers["X-Request-Id"] for path in ("/login", "/nowhere", "/login")}
    assert len(ids) == 3
    assert all(MADE.fullmatch(one) for one in ids)


def test_a_sane_id_is_taken_over(client: Client, db: None) -> None:
    response = client.get("/login", HTTP_X_REQUEST_ID="trace-7.a_b-12345678")
    assert response.headers["X-Request-Id"] == "trace-7.a_b-12345678"


@pytest.mark.parametrize(
    "incoming",
    ["", "short", "x" * 65, "a b c d e f g", "<script>alert", "line\nfeed-12345", "éééééééé"],
)
def test_any_other_is_replaced(incoming: str) -> None:
    assert MADE.fullmatch(choose_id(incoming))


def test_the_id_is_bound_while_the_request_runs_and_not_after() -> None:
    seen: dict[str, object] = {}

    def view(request: HttpRequest) -> HttpResponse:
        seen.update(get_contextvars(), on_request=request_id_of(request))
        return HttpResponse()

    response = RequestIdMiddleware(view)(RequestFactory().get("/"))
    assert seen["request_id"] == seen["on_request"] == response.headers["X-Request-Id"]
    assert "request_id" not in get_contextvars()


@pytest.mark.parametrize(
    ("status", "duration_ms", "level"),
    [(200, 12.0, "debug"), (404, 12.0, "info"), (500, 12.0, "warning"), (200, 1000.0, "warning")],
)
def test_a_slow_or_failed_request_is_a_warning(status: int, duration_ms: float, level: str) -> None:
    with capture_logs() as lines:
        log_request(RequestFactory().get("/calls?secret=1"), status, duration_ms)
    assert lines == [
        {
            "event": "request",
            "log_level": level,
            "method": "GET",
            "path": "/calls",
            "status": status,
            "duration_ms": duration_ms,
        }
    ]


def test_a_path_can_not_forge_a_line() -> None:
    with capture_logs() as lines:
        log_request(RequestFactory().get("/a%0aINFO forged"), 500, 1.0)
    assert "\n" not in lines[0]["path"]

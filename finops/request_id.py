"""One id for each request: in its answer, in each of its log lines, on its error page."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path
from structlog.contextvars import bound_contextvars

HEADER = "X-Request-Id"
# What we take over from a proxy; anything else could smuggle text into logs and pages.
SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
SLOW_MS = 1000

log = structlog.get_logger(__name__)


class RequestIdMiddleware:
    """Sets request.request_id and the X-Request-Id header; logs slow and failed requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = choose_id(request.headers.get(HEADER, ""))
        request.request_id = request_id  # type: ignore[attr-defined]
        began_s = time.monotonic()
        with bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            log_request(request, response.status_code, (time.monotonic() - began_s) * 1000)
        response.headers[HEADER] = request_id
        return response


def choose_id(incoming: str) -> str:
    """Keep a sane id that came with the request, else make one."""
    return incoming if SANE.fullmatch(incoming) else f"req_{secrets.token_hex(12)}"


def request_id_of(request: HttpRequest) -> str:
    """The id of a request; empty where the middleware did not run."""
    return str(getattr(request, "request_id", ""))


def log_request(request: HttpRequest, status: int, duration_ms: float) -> None:
    """Write one line: a warning when it failed here or was slow, info when it was refused."""
    if status >= 500 or duration_ms >= SLOW_MS:
        write = log.warning
    else:
        write = log.info if status >= 400 else log.debug
    write(
        "request",
        method=request.method,
        path=escape_uri_path(request.path),
        status=status,
        duration_ms=round(duration_ms, 1),
    )

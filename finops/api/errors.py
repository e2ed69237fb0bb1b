"""Every error of the API in one shape, always JSON, whatever format was asked for.

{"error": {"type", "code", "message", "param", "request_id", "doc_url"}}

`type` is one of TYPES and says who has to act; `code` is stable and for programs; `message` tells
a person what to change. A 503 carries Retry-After.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from finops.clickhouse.errors import QueryTimeout, Unavailable, WarehouseError
from finops.config import ConfigError
from finops.error_pages import error_body
from finops.queries import QuestionError

TYPES = {
    400: "invalid_request",
    401: "authentication_failed",
    403: "permission_denied",
    404: "not_found",
    405: "invalid_request",
    406: "invalid_request",
    415: "invalid_request",
    429: "rate_limited",
    500: "server_error",
    503: "unavailable",
}
RETRY_AFTER_S = 5

log = structlog.get_logger(__name__)


class InvalidParameter(exceptions.APIException):
    """A parameter that can't be used; `param` names it."""

    status_code = 400

    def __init__(self, param: str, code: str, message: str) -> None:
        super().__init__(message, code)
        self.param = param


@dataclass(frozen=True, slots=True)
class Problem:
    """What will be told: HTTP status, the stable code and a sentence for a person."""

    status: int
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer any exception of a view; None leaves it to Django (a request it refuses to read)."""
    if isinstance(error, SuspiciousOperation):
        return None
    problem = explain(error)
    if problem.status >= 500:
        log.error("api_error", code=problem.code, exc_info=error)
    set_rollback()
    request = context["request"]
    # An error is JSON even where CSV was asked for.
    request.accepted_renderer = JSONRenderer()
    request.accepted_media_type = JSONRenderer.media_type
    kind = TYPES.get(problem.status, "invalid_request")
    body = error_body(request, kind, problem.code, problem.message, problem.param)
    return Response(body, status=problem.status, headers=dict(problem.headers))


def explain(error: Exception) -> Problem:
    """Say what an exception means to the caller; an unknown one says nothing of our insides."""
    if isinstance(error, exceptions.APIException):
        return explain_api_exception(error)
    if isinstance(error, Http404):
        return Problem(404, "not_found", "There is nothing at this address.")
    if isinstance(error, DjangoPermissionDenied):
        return Problem(403, "permission_denied", str(error) or "You may not do this.")
    if isinstance(error, QuestionError):
        return Problem(400, error.code, str(error))
    if isinstance(error, ConfigError) or (isinstance(error, WarehouseError) and error.retryable):
        return explain_outage(error)
    return Problem(500, "internal_error", "Something went wrong on our side; it has been logged.")


def explain_outage(error: Exception) -> Problem:
    if isinstance(error, QueryTimeout):
        code = "query_timeout"
        message = "This took too long to work out: ask for less, such as a shorter range."
    elif isinstance(error, WarehouseError) and not isinstance(error, Unavailable):
        code = "warehouse_busy"
        message = "The ledger is busy: ask again in a moment, or for less."
    else:
        code = "warehouse_unavailable"
        message = "The ledger can't be read at the moment: ask again soon."
    return Problem(503, code, message, headers={"Retry-After": str(RETRY_AFTER_S)})


def explain_api_exception(error: exceptions.APIException) -> Problem:
    headers = {}
    if authenticate := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if (wait_s := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait_s) + 1)
    param, detail = first_detail(error.detail)
    return Problem(
        status=error.status_code,
        code=str(getattr(detail, "code", None) or error.default_code),
        message=str(detail),
        param=getattr(error, "param", param),
        headers=headers,
    )


def first_detail(detail: Any) -> tuple[str | None, Any]:
    """The first field and its first message, from the nested form that serializers raise."""
    path: list[str] = []
    while isinstance(detail, dict | list):
        if isinstance(detail, dict):
            key = next(iter(detail))
            if key != "non_field_errors":
                path.append(str(key))
            detail = detail[key]
        else:
            detail = detail[0]
    return ".".join(path) or None, detail

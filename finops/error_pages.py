"""What a user sees when a request can't be answered: a sentence and the request's id.

Addresses under /api/ get the same as JSON, in the one shape of the API's errors.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from finops.config import load_config
from finops.request_id import request_id_of

# status: what the API calls it (type and code), and the sentence where nothing better is known
TEXTS = {
    400: ("invalid_request", "bad_request", "This request can't be understood."),
    403: ("permission_denied", "permission_denied", "You are not allowed to see or do this."),
    404: ("not_found", "not_found", "There is nothing at this address."),
    409: ("invalid_request", "conflict", "Something has changed meanwhile: reload the page."),
    500: (
        "server_error",
        "internal_error",
        "Something went wrong on our side; it has been logged.",
    ),
}

log = structlog.get_logger(__name__)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is missing or old; the reason is for the log alone."""
    log.warning("csrf_failed", reason=reason)
    return answer(request, 403, "This form is too old or came from elsewhere: reload the page.")


def error_body(
    request: HttpRequest, kind: str, code: str, message: str, param: str | None = None
) -> dict[str, Any]:
    """The one shape of every error of the API."""
    return {
        "error": {
            "type": kind,
            "code": code,
            "message": message,
            "param": param,
            "request_id": request_id_of(request),
            "doc_url": f"{load_config().site_url}{reverse('api-docs')}",
        }
    }


def answer(request: HttpRequest, status: int, message: str = "") -> HttpResponse:
    """Render the page, or JSON for the API; plain text when even the page fails."""
    kind, code, default = TEXTS[status]
    message = message or default
    if request.path.startswith("/api/"):
        return JsonResponse(error_body(request, kind, code, message), status=status)
    request_id = request_id_of(request)
    context = {"status": status, "message": message, "request_id": request_id}
    try:
        return render(request, f"{status}.html", context, status=status)
    except Exception:
        log.exception("error_page_failed", status=status)
        text = f"{status}: {message} Request id: {request_id}\n"
        return HttpResponse(text, status=status, content_type="text/plain")

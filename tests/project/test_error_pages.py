"""What a user sees when a request fails: a sentence, the id, never a traceback."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from finops.urls import handler400, handler403, handler404, handler500
from finops.urls import urlpatterns as ours

__all__ = ["handler400", "handler403", "handler404", "handler500"]

FAILURES = {
    400: SuspiciousOperation("inner words"),
    403: PermissionDenied("This takes the role Admin."),
    404: Http404("inner words"),
    500: RuntimeError("inner words"),
}


def fail(request: HttpRequest, status: int) -> HttpResponse:
    raise FAILURES[status]


urlpatterns = [
    path("fail/<int:status>", fail),
    path("api/v1/fail/<int:status>", fail),
    *ours,
]


@pytest.fixture
def visitor(db: None) -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("status", FAILURES)
@override_settings(ROOT_URLCONF=__name__)
def test_a_page_names_the_request_and_hides_the_inside(visitor: Client, status: int) -> None:
    response = visitor.get(f"/fail/{status}")
    text = response.content.decode()
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["X-Request-Id"] in text
    assert "inner words" not in text
    assert "Traceback" not in text


@override_settings(ROOT_URLCONF=__name__)
def test_what_is_not_allowed_is_explained(visitor: Client) -> None:
    assert "This takes the role Admin." in visitor.get("/fail/403").content.decode()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request", "bad_request"),
        (403, "permission_denied", "permission_denied"),
        (404, "not_found", "not_found"),
        (500, "server_error", "internal_error"),
    ],
)
@override_settings(ROOT_URLCONF=__name__)
def test_the_api_answers_in_its_one_shape(
    visitor: Client, status: int, kind: str, code: str
) -> None:
    response = visitor.get(f"/api/v1/fail/{status}")
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"type", "code", "message", "param", "request_id", "doc_url"}
    assert (error["type"], error["code"]) == (kind, code)
    assert error["request_id"] == response.headers["X-Request-Id"]


@override_settings(ROOT_URLCONF=__name__)
def test_a_page_that_can_not_be_rendered_is_plain_text(visitor: Client, settings: object) -> None:
    settings.TEMPLATES = []  # type: ignore[attr-defined]
    response = visitor.get("/fail/500")
    assert response.status_code == 500
    assert response.content.decode() == (
        "500: Something went wrong on our side; it has been logged. "
        f"Request id: {response.headers['X-Request-Id']}\n"
    )


def test_an_unknown_address_of_the_api_is_json(visitor: Client) -> None:
    response = visitor.get("/api/v1/nowhere")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"

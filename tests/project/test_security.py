"""What browsers are told: content policy, transport, cookies, permissions."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory

from finops.accounts.throttle import client_ip
from finops.config import Config
from finops.security import security_settings


def policy(response: HttpResponse) -> dict[str, str]:
    directives = response.headers["Content-Security-Policy"].split(";")
    return dict(directive.strip().split(" ", 1) for directive in directives)


@pytest.fixture
def page(client: Client, db: None) -> HttpResponse:
    return client.get("/login")  # type: ignore[return-value]


def test_a_page_may_load_only_what_is_ours_and_run_no_inline_script(page: HttpResponse) -> None:
    assert policy(page) == {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
        " 'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
        "style-src-attr": "'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ],
)
def test_a_page_carries_the_header(page: HttpResponse, header: str, value: str) -> None:
    assert page.headers[header] == value


def test_a_page_may_use_no_camera_microphone_or_place(page: HttpResponse) -> None:
    allowed = page.headers["Permissions-Policy"]
    for feature in ("camera", "microphone", "geolocation"):
        assert f"{feature}=()" in allowed


def test_static_files_and_errors_carry_them_as_well(client: Client, db: None) -> None:
    for path in ("/static/dashboards/css/tokens.css", "/nowhere"):
        response = client.get(path)
        assert "Permissions-Policy" in response.headers
        assert "Content-Security-Policy" in response.headers


def settings_with(behind_tls_proxy: bool) -> dict[str, object]:
    return security_settings(Config.model_construct(behind_tls_proxy=behind_tls_proxy))


def test_without_a_tls_proxy_nobody_is_believed_about_tls(client: Client, db: None) -> None:
    found = settings_with(behind_tls_proxy=False)
    assert found["SECURE_PROXY_SSL_HEADER"] is None
    assert found["SECURE_HSTS_SECONDS"] == 0
    assert found["SESSION_COOKIE_SECURE"] is False
    response = client.get("/login", HTTP_X_FORWARDED_PROTO="https")
    assert not response.wsgi_request.is_secure()
    assert "Strict-Transport-Security" not in response.headers


def test_behind_a_tls_proxy_cookies_are_bound_to_tls_and_the_host() -> None:
    found = settings_with(behind_tls_proxy=True)
    for cookie in ("SESSION", "CSRF"):
        assert found[f"{cookie}_COOKIE_SECURE"] is True
        assert str(found[f"{cookie}_COOKIE_NAME"]).startswith("__Host-")


def test_behind_a_tls_proxy_browsers_are_told_to_stay_on_tls(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings_with(behind_tls_proxy=True).items():
        monkeypatch.setattr(settings, name, value)
    client = Client()
    response = client.get("/login", HTTP_X_FORWARDED_PROTO="https")
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_session_cookie_is_for_the_server_alone(client: Client, db: None) -> None:
    found = settings_with(behind_tls_proxy=False)
    assert found["SESSION_COOKIE_HTTPONLY"] is True
    assert found["SESSION_COOKIE_SAMESITE"] == "Lax"


@pytest.mark.parametrize(
    ("behind_tls_proxy", "address"), [(False, "10.0.0.2"), (True, "203.0.113.9")]
)
def test_the_clients_address_is_the_one_that_our_proxy_saw(
    monkeypatch: pytest.MonkeyPatch, behind_tls_proxy: bool, address: str
) -> None:
    config = Config.model_construct(behind_tls_proxy=behind_tls_proxy)
    monkeypatch.setattr(settings, "CONFIG", config)
    request = RequestFactory().get(
        "/", REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9"
    )
    assert client_ip(request) == address


def test_a_foreign_host_name_is_refused(client: Client, db: None) -> None:
    response = client.get("/login", HTTP_HOST="evil.example")
    assert response.status_code == 400
    assert "evil" not in response.content.decode()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000"])
def test_the_machine_itself_may_always_ask(client: Client, db: None, host: str) -> None:
    assert client.get("/login", HTTP_HOST=host).status_code == 200

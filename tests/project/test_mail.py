"""How e-mail leaves, by URL."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from finops.config import Config
from finops.mail import email_settings


def settings_of(url: str | None) -> dict[str, object]:
    secret = SecretStr(url) if url else None
    return email_settings(
        Config.model_construct(
            data_dir=Path("/data"), email_url=secret, email_from="Ledger <l@example.com>"
        )
    )


def test_with_no_url_nothing_leaves_the_machine() -> None:
    found = settings_of(None)
    assert found["EMAIL_BACKEND"] == "django.core.mail.backends.filebased.EmailBackend"
    assert found["EMAIL_FILE_PATH"] == "/data/outbox"


def test_user_and_password_are_decoded() -> None:
    found = settings_of("smtp://bot%40example.com:p%3Aw@mail.example.com:2525")
    assert found["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert [found[f"EMAIL_HOST{name}"] for name in ("", "_USER", "_PASSWORD")] == [
        "mail.example.com",
        "bot@example.com",
        "p:w",
    ]


@pytest.mark.parametrize(
    ("url", "port", "starttls", "tls_at_once"),
    [
        ("smtp://h", 25, False, False),
        ("smtp://h?tls=1", 587, True, False),
        ("smtp://h:2525?tls=true", 2525, True, False),
        ("smtp://h:587?tls=0", 587, False, False),
        ("smtps://h", 465, False, True),
        ("smtps://h:4650?tls=1", 4650, False, True),
    ],
)
def test_the_url_says_how_the_connection_is_protected(
    url: str, port: int, starttls: bool, tls_at_once: bool
) -> None:
    found = settings_of(url)
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (
        port,
        starttls,
        tls_at_once,
    )


def test_the_sender_is_the_one_that_is_set() -> None:
    assert settings_of(None)["DEFAULT_FROM_EMAIL"] == "Ledger <l@example.com>"

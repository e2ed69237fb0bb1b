"""How e-mail leaves: over SMTP by URL, or into files under the data folder."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from finops.config import Config

TIMEOUT_S = 10
TRUE = ("1", "true", "yes", "on")


def email_settings(config: Config) -> dict[str, Any]:
    """Return Django's EMAIL_* settings.

    smtp://user:password@host:587?tls=1 speaks STARTTLS, smtps://host:465 TLS from the first byte;
    user and password are percent-encoded. With no URL nothing leaves the machine.
    """
    sender = {"DEFAULT_FROM_EMAIL": config.email_from, "SERVER_EMAIL": config.email_from}
    if config.email_url is None:
        return {
            **sender,
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(config.outbox),
        }
    url = urlsplit(config.email_url.get_secret_value())
    tls_at_once = url.scheme == "smtps"
    starttls = not tls_at_once and parse_qs(url.query).get("tls", ["0"])[0].lower() in TRUE
    return {
        **sender,
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": url.hostname or "",
        "EMAIL_PORT": url.port or (465 if tls_at_once else 587 if starttls else 25),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_TLS": starttls,
        "EMAIL_USE_SSL": tls_at_once,
        "EMAIL_TIMEOUT": TIMEOUT_S,
    }

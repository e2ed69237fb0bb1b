"""The two ways out for an e-mail: an SMTP server, or a folder of .eml files."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from django.core.mail.backends.smtp import EmailBackend

from finops.budgets.errors import DeliveryError, Postponed, Refused, Unreachable
from finops.config import Config


class Mailer(Protocol):
    """Hands a message over; `writes_files` tells the two ways apart."""

    writes_files: bool

    def send(self, message: EmailMessage) -> str:
        """Return a remark for the record, mostly empty; raises DeliveryError."""


def mailer_for(config: Config) -> Mailer:
    """Return the way out that is set: SMTP by FINOPS_EMAIL_URL, else the outbox folder."""
    return OutboxMailer(config.outbox) if config.email_url is None else SmtpMailer()


class SmtpMailer:
    """Sends through the server of Django's EMAIL_* settings, one connection a message."""

    writes_files = False

    def send(self, message: EmailMessage) -> str:
        backend = EmailBackend()
        try:
            refused = open_connection(backend).send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise translate(error) from error
        finally:
            # The message is accepted or not by now; a server that fumbles the goodbye changes
            # nothing about that.
            with suppress(OSError, smtplib.SMTPException):
                backend.close()
        return f"Refused for {describe(refused)}" if refused else ""


class OutboxMailer:
    """Writes each message to a file named after its Message-ID, so a repetition replaces it."""

    writes_files = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: EmailMessage) -> str:
        path = self.folder / file_name(message["Message-ID"])
        partial = path.with_suffix(f".{os.getpid()}.partial")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise Unreachable(f"{path.parent} can't be written to: {error.strerror}.") from error
        return ""


def open_connection(backend: EmailBackend) -> smtplib.SMTP:
    """Connect, start TLS and log in, as set; a server where any of it fails may do so later."""
    try:
        backend.open()
    except (OSError, smtplib.SMTPException) as error:
        raise Unreachable(f"The mail server can't be used: {answer_of(error)}") from error
    if backend.connection is None:
        raise Unreachable("The mail server can't be used: no connection.")
    return backend.connection


def file_name(message_id: str) -> str:
    """Return the outbox's name for a message: its id without the domain."""
    local = message_id.strip("<>").partition("@")[0]
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in local) + ".eml"


def translate(error: OSError | smtplib.SMTPException) -> DeliveryError:
    """Tell a refusal for good (5xx to the message, RFC 5321 section 4.2.1) from anything else."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        text = f"No recipient was accepted: {describe(error.recipients)}"
        codes = [code for code, _ in error.recipients.values()]
        return Refused(text) if all(map(is_final, codes)) else Postponed(text)
    text = f"The mail server did not take the message: {answer_of(error)}"
    if isinstance(error, smtplib.SMTPResponseException) and is_final(error.smtp_code):
        return Refused(text)
    if isinstance(error, smtplib.SMTPNotSupportedError):  # a name that needs SMTPUTF8
        return Refused(text)
    return Postponed(text)


def is_final(code: int) -> bool:
    return 500 <= code < 600


def answer_of(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {plain(error.smtp_error)}"
    return f"{error}" or type(error).__name__


def describe(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{to}: {code} {plain(text)}" for to, (code, text) in refused.items())


def plain(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text

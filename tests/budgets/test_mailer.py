from __future__ import annotations

import smtplib
import socket
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from pytest_django import Settings

from finops.budgets.errors import Postponed, Refused, Unreachable
from finops.budgets.mailer import OutboxMailer, SmtpMailer, mailer_for, translate
from finops.config import load_config
from tests.budgets.mail_server import MailServer


def letter() -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = "<budget-1.2026-11.80.7@example.com>"
    message["From"] = "ledger@example.com"
    message["To"] = "ann@acme.example, bob@acme.example"
    message["Subject"] = "Budget"
    message.set_content("Half of it is gone.")
    return message


def test_a_message_goes_to_all_recipients_in_one_delivery(smtp: MailServer) -> None:
    assert SmtpMailer().send(letter()) == ""
    (envelope,) = smtp.accepted
    assert envelope.rcpt_tos == ["ann@acme.example", "bob@acme.example"]
    assert smtp.messages[0]["Message-ID"] == "<budget-1.2026-11.80.7@example.com>"


def test_one_recipient_refused_is_remarked_and_the_others_have_it(smtp: MailServer) -> None:
    smtp.refuse = {"bob@acme.example": "550 5.1.1 no such user"}
    assert SmtpMailer().send(letter()) == "Refused for bob@acme.example: 550 5.1.1 no such user"
    assert smtp.accepted[0].rcpt_tos == ["ann@acme.example"]


def test_every_recipient_refused_for_good_is_final(smtp: MailServer) -> None:
    smtp.refuse = dict.fromkeys(["ann@acme.example", "bob@acme.example"], "550 no such user")
    with pytest.raises(Refused, match=r"ann@acme\.example: 550 no such user"):
        SmtpMailer().send(letter())


def test_recipients_refused_for_now_are_not_final(smtp: MailServer) -> None:
    smtp.refuse = {"ann@acme.example": "550 no such user", "bob@acme.example": "450 greylisted"}
    with pytest.raises(Postponed):
        SmtpMailer().send(letter())


@pytest.mark.parametrize(
    ("answer", "error"), [("554 looks like spam", Refused), ("451 try later", Postponed)]
)
def test_the_answer_to_the_message_says_whether_to_try_again(
    smtp: MailServer, answer: str, error: type[Exception]
) -> None:
    smtp.answer = answer
    with pytest.raises(error, match=answer):
        SmtpMailer().send(letter())
    assert smtp.accepted == []


def test_nobody_listening_is_unreachable(settings: Settings) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = unused.getsockname()
        with pytest.raises(Unreachable, match="can't be used"):
            SmtpMailer().send(letter())


def test_a_server_without_login_is_unreachable_and_not_a_refusal(
    smtp: MailServer, settings: Settings
) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "bot", "secret"
    with pytest.raises(Unreachable):
        SmtpMailer().send(letter())


def test_a_connection_lost_midway_is_tried_again() -> None:
    assert type(translate(smtplib.SMTPServerDisconnected("gone"))) is Postponed
    assert type(translate(TimeoutError("slow"))) is Postponed


def test_without_smtp_the_message_is_a_file_that_mail_programs_open(outbox: Path) -> None:
    mailer = mailer_for(load_config())
    assert mailer.writes_files
    mailer.send(letter())
    (path,) = outbox.iterdir()
    assert path.name == "budget-1.2026-11.80.7.eml"
    assert message_from_bytes(path.read_bytes(), policy=SMTP)["Subject"] == "Budget"


def test_a_repeated_message_replaces_its_file(tmp_path: Path) -> None:
    for _ in range(2):
        OutboxMailer(tmp_path).send(letter())
    assert len(list(tmp_path.iterdir())) == 1


def test_an_outbox_that_can_not_be_written_is_unreachable(tmp_path: Path) -> None:
    blocked = tmp_path / "outbox"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(Unreachable, match="can't be written to"):
        OutboxMailer(blocked).send(letter())


def test_smtp_is_used_where_it_is_set(smtp: MailServer) -> None:
    assert isinstance(mailer_for(load_config()), SmtpMailer)

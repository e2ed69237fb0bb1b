"""A real SMTP server on loopback that keeps what it accepts and can be told to refuse."""

from __future__ import annotations

import socket
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class MailServer:
    """Runs in a thread of its own while the context is open.

    `refuse` maps a recipient to the answer it gets; `answer` is what DATA is answered with.
    """

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.accepted: list[Envelope] = []
        self.refuse: dict[str, str] = {}
        self.answer = "250 OK"
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> MailServer:
        self.controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.controller.stop()

    @property
    def messages(self) -> list[EmailMessage]:
        """What was accepted, parsed."""
        parsed = []
        for envelope in self.accepted:
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=SMTP)
            assert isinstance(message, EmailMessage)
            parsed.append(message)
        return parsed

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.accepted.append(envelope)
        return self.answer

"""Why an e-mail did not go out, and whether trying again makes sense.

DeliveryError
├── Refused        the mail server will never take this message: not tried again
└── Postponed      not now: tried again after a while
    └── Unreachable    no mail server to talk to, so no other message has a chance either
"""

from __future__ import annotations


class DeliveryError(Exception):
    """An e-mail did not go out; the message says why and what to do."""

    code = "email_not_delivered"
    retryable = False


class Refused(DeliveryError):
    """The mail server refused the message for good."""

    code = "email_refused"


class Postponed(DeliveryError):
    """The message could not be handed over now."""

    code = "email_postponed"
    retryable = True


class Unreachable(Postponed):
    """The mail server, or the outbox folder, can't be reached."""

    code = "email_unreachable"

"""A point in time, as commands take it."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """Read a date or a time; one without a zone is UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is neither a date (2026-11-21) nor a time (2026-11-21T14:00)"
        ) from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)

"""A month, as commands take it."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date, datetime


def month(text: str) -> date:
    """Read a month such as 2026-10; returns its first day."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a month such as 2026-10") from None

"""What the SDK says about itself: one line per subject and interval, never an exception."""

from __future__ import annotations

import logging
import time

_INTERVAL_S = 60.0
_logger = logging.getLogger("inferledger")
_last: dict[str, float] = {}


def say(subject: str, message: str, *details: object, level: int = logging.WARNING) -> None:
    """Log a line unless the same subject was heard of within the last minute."""
    now = time.monotonic()
    if now - _last.get(subject, -_INTERVAL_S) >= _INTERVAL_S:
        _last[subject] = now
        _logger.log(level, "inferledger: " + message, *details)


def say_once(subject: str, message: str, *details: object, level: int = logging.WARNING) -> None:
    """Log a line the first time only."""
    if subject not in _last:
        _last[subject] = float("inf")
        _logger.log(level, "inferledger: " + message, *details)


def forget() -> None:
    """Let every subject speak again, as at the start of a process."""
    _last.clear()


def say_broken(where: str, error: Exception) -> None:
    """Report a defect of the SDK itself, which the caller must not notice."""
    say(f"broken:{where}", "%s failed (%s); the call goes on unrecorded", where, _describe(error))


def _describe(error: Exception) -> str:
    # Only the class: a message may quote the caller's data.
    return type(error).__qualname__

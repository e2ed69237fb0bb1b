"""What the SDK says about itself: one line per subject and interval, never an exception."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

_P = ParamSpec("_P")

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


def hush(subject: str) -> None:
    """Say nothing about a subject that was dealt with elsewhere."""
    _last[subject] = float("inf")


def forget() -> None:
    """Let every subject speak again, as at the start of a process."""
    _last.clear()


def say_broken(where: str, error: Exception) -> None:
    """Report a defect of the SDK itself, which the caller must not notice."""
    say(f"broken:{where}", "%s failed (%s); the call goes on unrecorded", where, _describe(error))


def _describe(error: Exception) -> str:
    # Only the class: a message may quote the caller's data.
    return type(error).__qualname__


def harmless(step: Callable[_P, None]) -> Callable[_P, None]:
    """Let a step of the SDK fail without the caller noticing."""

    @wraps(step)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            step(*args, **kwargs)
        except Exception as error:
            say_broken(step.__qualname__, error)

    return guarded

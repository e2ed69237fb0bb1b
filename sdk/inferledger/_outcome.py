"""Say by an exception's class, and by its HTTP status, how a call went wrong.

A message is looked at for one sign only (GPU memory, which has no class of its own in older
releases of PyTorch); nothing of it is kept.
"""

from __future__ import annotations

from typing import Any

from inferledger._facts import Outcome

_CANCELLED = (GeneratorExit, KeyboardInterrupt, SystemExit)

# Parts of class names, as the clients of providers spell them; the first that matches decides.
_BY_NAME: tuple[tuple[str, Outcome], ...] = (
    ("outofmemory", "oom"),
    ("timeout", "timeout"),
    ("timedout", "timeout"),
    ("deadlineexceeded", "timeout"),
    ("ratelimit", "rate_limited"),
    ("toomanyrequests", "rate_limited"),
    ("resourceexhausted", "rate_limited"),
    ("throttling", "rate_limited"),
    ("cancelled", "cancelled"),
    ("abort", "cancelled"),
)
_BY_STATUS: dict[int, Outcome] = {
    408: "timeout",
    429: "rate_limited",
    499: "cancelled",
    504: "timeout",
}
_OOM_SIGN = "out of memory"


def outcome_of(error: BaseException) -> Outcome:
    """The outcome that an exception means."""
    if isinstance(error, _CANCELLED):
        return "cancelled"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, MemoryError):
        return "oom"
    status = _status(error)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return _by_name(error) or ("oom" if _OOM_SIGN in str(error).lower() else "error")


def error_type(error: BaseException) -> str:
    """The qualified name of the exception's class, without `builtins`."""
    kind = type(error)
    inside = kind.__module__
    return kind.__qualname__ if inside == "builtins" else f"{inside}.{kind.__qualname__}"


def _by_name(error: BaseException) -> Outcome | None:
    for kind in type(error).__mro__:
        name = kind.__name__.replace("_", "").lower()
        for sign, outcome in _BY_NAME:
            if sign in name:
                return outcome
    return None


def _status(error: BaseException) -> int:
    response = getattr(error, "response", None)
    candidates: tuple[Any, ...] = (
        getattr(error, "status_code", None),
        getattr(error, "status", None),
        getattr(error, "code", None),
        getattr(response, "status_code", None),
    )
    return next((status for status in candidates if type(status) is int), 0)

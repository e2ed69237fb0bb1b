"""What can be wrong with a request for an export or a statement.

FocusError
├── UnknownVersion    a version of FOCUS that isn't written here
├── InvalidMonth      not a month, or one that hasn't begun
└── NoStatement       the tenant has nothing in that month
"""

from __future__ import annotations


class FocusError(ValueError):
    """Something that was asked for can't be made; the message says what to change."""

    code = "invalid_export"
    retryable = False


class UnknownVersion(FocusError):
    code = "unknown_version"


class InvalidMonth(FocusError):
    code = "invalid_month"


class NoStatement(FocusError):
    code = "no_statement"

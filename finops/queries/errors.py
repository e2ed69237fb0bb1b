"""What can be wrong with a question; the answer to a right one never raises these.

QuestionError
├── InvalidRange      empty, longer than 800 days, or with a time outside 2000 to 2100
└── UnknownDimension  a name that rows can't be grouped, filtered or sorted by
"""

from __future__ import annotations


class QuestionError(ValueError):
    """A question that has no answer; the message tells its asker what to change."""

    code = "invalid_question"
    retryable = False


class InvalidRange(QuestionError):
    code = "invalid_range"


class UnknownDimension(QuestionError):
    code = "unknown_dimension"

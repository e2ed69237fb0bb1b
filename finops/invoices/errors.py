"""Why an invoice was not taken in, and what to do.

InvoiceError
├── UnknownFormat    no format fits the file, or the one that was named doesn't
├── Unreadable       the file itself is broken: compression, encoding, JSON, Parquet
├── TooLarge         more bytes, lines or cells than may be
├── WrongMapping     the mapping of a plain CSV contradicts itself or the file
└── BadLines         some lines can't be read, so nothing was taken in
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.invoices.line import Problem


class InvoiceError(Exception):
    """An invoice can't be taken in; the message says what to do."""

    code = "invoice_refused"
    retryable = False


class UnknownFormat(InvoiceError):
    code = "unknown_format"


class Unreadable(InvoiceError):
    code = "unreadable_file"


class TooLarge(InvoiceError):
    code = "file_too_large"


class WrongMapping(InvoiceError):
    code = "wrong_mapping"


class BadLines(InvoiceError):
    """`problems` names the first of them; `count` is how many there are."""

    code = "bad_lines"

    def __init__(self, problems: Sequence[Problem], count: int) -> None:
        self.problems = list(problems)
        self.count = count
        first = self.problems[0]
        lines = "1 line" if count == 1 else f"{count} lines"
        super().__init__(
            f"Nothing was taken in: {lines} can't be read. Line {first.line}: {first.reason}"
        )

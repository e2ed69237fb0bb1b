"""What an export leaves out because it has no price, so that nobody takes the rest for all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from finops.clickhouse.client import Warehouse
from finops.focus.spreadsheet import defuse
from finops.queries import Range, Unpriced, unpriced

MOST = 100_000
HEADER = ("Provider", "Model", "Reason", "Calls", "InputTokens", "OutputTokens")


def left_out(ch: Warehouse, workspace_id: int, span: Range) -> list[Unpriced]:
    """Return the calls of the range that have no cost, by model and reason."""
    return unpriced(ch, workspace_id, span, limit=MOST)


def left_out_csv(missing: Sequence[Unpriced]) -> str:
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(
        (
            defuse(one.provider), defuse(one.model), one.reason, one.calls, one.input_tokens,
            one.output_tokens,
        )
        for one in missing
    )  # fmt: skip
    return buffer.getvalue()

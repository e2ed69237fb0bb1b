"""Azure's public LLM inference traces, 2023 and 2024: time, context tokens, generated tokens.

Format: https://github.com/Azure/AzurePublicDataset (AzureLLMInferenceDataset2023 and 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from finops.replay.readers.table import Row, read_rows
from finops.replay.readers.trace import TraceRequest

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")


def read_azure(path: Path) -> Iterator[TraceRequest]:
    """Yield the requests in the file's order; arrivals count from the first row.

    The traces name no client. Raises TraceError.
    """
    start: datetime | None = None
    for row in read_rows(path, COLUMNS):
        moment = moment_of(row)
        start = start or moment
        if moment < start:
            raise row.wrong("TIMESTAMP", "no earlier than the first row")
        yield TraceRequest(
            arrival_s=(moment - start).total_seconds(),
            client="",
            input_tokens=row.count("ContextTokens"),
            output_tokens=row.count("GeneratedTokens"),
        )


def moment_of(row: Row) -> datetime:
    """The time of a row; the 2023 traces leave the zone out and mean UTC."""
    try:
        moment = datetime.fromisoformat(row.cells["TIMESTAMP"].strip())
    except ValueError:
        raise row.wrong("TIMESTAMP", "a time such as 2023-11-16 18:15:46.6805900") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

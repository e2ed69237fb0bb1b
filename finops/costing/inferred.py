"""Requests of clients that send no request id: a call that tries again what has just failed.

A call continues a request if the one before it
    - was of the same action (of the same trace, where no action is sent), tenant and user,
    - had the same prompt and operation,
    - ended with an error, a timeout or a refusal, and had ended when this one started,
    - not longer ago than a client waits before it tries again.
Calls that name a request, or count only as a repetition of another row, take no part in it. The
inferred request is named after its first attempt, and everything of it is marked as inferred.
"""

from __future__ import annotations

from finops.clickhouse.client import Warehouse

# The longest waits of the providers' own clients, which double from try to try, are a minute; a
# Retry-After may ask for more.
RETRY_WINDOW_S = 300

TABLE = """CREATE OR REPLACE TEMPORARY TABLE inferred (
    inferred_span UInt64, inferred_key UInt64, inferred_id String, inferred_attempt UInt16
) ENGINE = Memory"""

# Counted rows that name no request, directly or by a row that only repeats them.
SEEKING = """
    SELECT span_key, trace_id, span_id, started_at, ended_at, failed, retry_key
    FROM near
    WHERE retry_key != 0 AND prompt_key IN shared
        AND span_key NOT IN (SELECT repeated FROM repeats)
        AND span_key NOT IN (
            SELECT heir FROM repeats
            WHERE repeated IN (SELECT span_key FROM near WHERE request_key != 0))"""
ORDER = "PARTITION BY retry_key ORDER BY started_at, span_id, trace_id"
INFER = f"""
INSERT INTO inferred
SELECT span_key, cityHash64('inferred', first), concat('inferred-', lower(hex(first))), attempt
FROM
(
    SELECT span_key, first_value(span_key) OVER request AS first, count() OVER request AS attempts,
        row_number() OVER tries - 1 AS attempt
    FROM
    (
        SELECT *, sum(NOT again) OVER (
            {ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS chain
        FROM
        (
            SELECT *, lagInFrame(ended_at) OVER before AS ended_before,
                lagInFrame(failed) OVER before AND started_at BETWEEN ended_before
                    AND ended_before + toIntervalSecond({RETRY_WINDOW_S}) AS again
            FROM ({SEEKING})
            WINDOW before AS ({ORDER} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
        )
    )
    WINDOW request AS (PARTITION BY retry_key, chain ORDER BY started_at, span_id, trace_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
        tries AS (PARTITION BY retry_key, chain ORDER BY started_at, span_id, trace_id)
)
WHERE attempts > 1
"""


def infer_requests(ch: Warehouse) -> None:
    """Fill the table `inferred` from `near`, `shared` and `repeats`."""
    ch.command(TABLE)
    ch.command(INFER)

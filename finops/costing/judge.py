"""What each call was in its request: counted or a repetition, the last attempt, which waste.

Whether a call counts is settled first (repeats.py); calls that don't count decide nothing. Most
calls share nothing with another one: what they were is told by themselves (`ALONE`), and only the
others get a row in `verdicts`.
"""

from __future__ import annotations

from finops.clickhouse.client import Warehouse
from finops.costing.bequeath import bequeath
from finops.costing.gather import MAX_STEPS
from finops.costing.inferred import infer_requests
from finops.costing.repeats import SHARES, find_repeats

DUPLICATE_WINDOW_S = 600

TABLES = {
    "verdicts": """
    judged_span UInt64, counted UInt8, uncounted_reason LowCardinality(String),
    last_attempt UInt8, request_succeeded UInt8, waste_class LowCardinality(String),
    waste_inferred UInt8""",
    "requests": """
    span_key UInt64, started_at DateTime64(6, 'UTC'), ended_at DateTime64(6, 'UTC'),
    prompt_key UInt64, reason LowCardinality(String), written UInt8, is_inferred UInt8,
    succeeded UInt8, cancelled UInt8, last_attempt UInt8, request_succeeded UInt8,
    other_model UInt8""",
}

# With the reason why a call doesn't count, '' if it does. A call that counts but names no request
# is an attempt of the one that a row named which only repeats it, or of an inferred one.
COUNTED = f"""
    SELECT *,
        multiIf(own_request != 0 OR reason != '', own_request,
            left_request != 0, left_request, inferred_key) AS request_key,
        multiIf(own_request != 0 OR reason != '', own_attempt,
            left_request != 0, left_attempt, inferred_attempt) AS attempt
    FROM (
        SELECT * EXCEPT (request_key, attempt), request_key AS own_request, attempt AS own_attempt
        FROM near WHERE {SHARES}
    ) AS n
    LEFT ANY JOIN repeats ON repeats.repeated = n.span_key
    LEFT ANY JOIN inferred ON inferred_span = n.span_key
    LEFT JOIN
    (
        SELECT heir AS left_to, argMin(request_key, (started_at, span_key)) AS left_request,
            argMin(attempt, (started_at, span_key)) AS left_attempt
        FROM repeats
        INNER JOIN near ON span_key = repeated
        WHERE request_key != 0
        GROUP BY heir
    ) AS bequeathed ON left_to = n.span_key"""

# Where links were cut, the outer calls are seen with half of theirs: they keep what they were
# judged to be when their own links were followed.
SURE_STEPS = MAX_STEPS // 2
WRITTEN = f"""(workspace_id, hour) IN (SELECT workspace_id, hour FROM reach WHERE written)
    AND (step <= {SURE_STEPS} OR (SELECT max(step) FROM near) < {MAX_STEPS})"""

# Rows that don't count come last in their request, so they decide nothing. An attempt that got no
# answer doesn't know which dated model would have served it: what it asked for is compared.
REQUESTS = f"""
    INSERT INTO requests
    SELECT span_key, started_at, ended_at, prompt_key, reason, {WRITTEN}, inferred_key != 0,
        succeeded, cancelled,
        row_number() OVER request = 1 AND reason = '' AS last_attempt,
        first_value(succeeded) OVER request AS request_succeeded,
        (provider, asked) != first_value((provider, asked)) OVER request
            OR (served != '' AND first_value(served) OVER request NOT IN ('', served))
            AS other_model
    FROM ({COUNTED})
    WINDOW request AS (
        PARTITION BY workspace_id, if(request_key = 0, span_key, request_key)
        ORDER BY reason = '' DESC, attempt DESC, started_at DESC, span_id DESC, trace_id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )"""

# The latest success with the same prompt that had ended before this call started.
JUDGE = f"""
INSERT INTO verdicts
SELECT span_key, reason = '', reason, last_attempt, request_succeeded,
    multiIf(
        reason != '', '',
        cancelled AND NOT succeeded, 'aborted',
        NOT request_succeeded, 'failed',
        NOT last_attempt AND other_model, 'fallback',
        NOT last_attempt, 'retry',
        prompt_key != 0 AND earlier.ended_at > toDateTime64(0, 6, 'UTC')
            AND started_at <= earlier.ended_at + toIntervalSecond({DUPLICATE_WINDOW_S}),
            'duplicate',
        'clean'),
    is_inferred
FROM requests AS c
ASOF LEFT JOIN
(
    SELECT prompt_key, ended_at
    FROM requests
    WHERE prompt_key != 0 AND last_attempt AND request_succeeded
) AS earlier ON c.prompt_key = earlier.prompt_key AND c.started_at > earlier.ended_at
WHERE written
"""


# What a call was that shares nothing with another one, by the columns of `calls`.
SUCCEEDED = "ifNull(success, outcome = 'ok')"
ALONE = {
    "counted": "1",
    "uncounted_reason": "''",
    "last_attempt": "1",
    "request_succeeded": SUCCEEDED,
    "waste_class": f"multiIf({SUCCEEDED}, 'clean', outcome = 'cancelled', 'aborted', 'failed')",
    "waste_inferred": "0",
}


def judge(ch: Warehouse) -> None:
    """Fill the table `verdicts` from `near`: a row for each call that is seen with others."""
    for name, columns in TABLES.items():
        ch.command(f"CREATE OR REPLACE TEMPORARY TABLE {name} ({columns}) ENGINE = Memory")
    find_repeats(ch)
    bequeath(ch)
    infer_requests(ch)
    for statement in (REQUESTS, JUDGE):
        ch.command(statement)

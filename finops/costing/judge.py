"""What each call was in its request: counted or a repetition, the last attempt, which waste.

Whether a call counts is settled first (repeats.py); calls that don't count decide nothing.
"""

from __future__ import annotations

from finops.clickhouse.client import Warehouse
from finops.costing.bequeath import bequeath
from finops.costing.gather import MAX_STEPS
from finops.costing.repeats import SHARES, find_repeats

DUPLICATE_WINDOW_S = 600

TABLES = {
    "verdicts": """
    workspace_id UInt64, hour DateTime('UTC'),
    trace_id FixedString(16), span_id FixedString(8),
    counted UInt8, uncounted_reason LowCardinality(String),
    last_attempt UInt8, request_succeeded UInt8, waste_class LowCardinality(String),
    tariff_key UInt64""",
    "requests": """
    workspace_id UInt64, hour DateTime('UTC'), step UInt8,
    trace_id FixedString(16), span_id FixedString(8),
    started_at DateTime64(6, 'UTC'), ended_at DateTime64(6, 'UTC'),
    prompt_key UInt64, tariff_key UInt64, reason LowCardinality(String),
    succeeded UInt8, cancelled UInt8, last_attempt UInt8, request_succeeded UInt8,
    other_model UInt8""",
}

# With the reason why a call doesn't count, '' if it does. A call that counts but names no request
# is an attempt of the one that a row named which only repeats it.
COUNTED = f"""
    SELECT *,
        if(own_request = 0 AND reason = '', left_request, own_request) AS request_key,
        if(own_request = 0 AND reason = '', left_attempt, own_attempt) AS attempt
    FROM (
        SELECT * EXCEPT (request_key, attempt), request_key AS own_request, attempt AS own_attempt
        FROM near WHERE {SHARES}
    ) AS n
    LEFT ANY JOIN repeats ON repeats.repeated = n.span_key
    LEFT JOIN
    (
        SELECT heir AS left_to, argMin(request_key, (started_at, span_key)) AS left_request,
            argMin(attempt, (started_at, span_key)) AS left_attempt
        FROM repeats
        INNER JOIN near ON span_key = repeated
        WHERE request_key != 0
        GROUP BY heir
    ) AS bequeathed ON left_to = n.span_key"""

# Rows that don't count come last in their request, so they decide nothing. An attempt that got no
# answer doesn't know which dated model would have served it: what it asked for is compared.
REQUESTS = f"""
    INSERT INTO requests
    SELECT workspace_id, hour, step, trace_id, span_id, started_at, ended_at, prompt_key,
        tariff_key, reason, succeeded, cancelled,
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

# Where links were cut, the outer calls are seen with half of theirs: they keep what they were
# judged to be when their own links were followed.
SURE_STEPS = MAX_STEPS // 2
WRITTEN = f"""(workspace_id, hour) IN (SELECT workspace_id, hour FROM reach WHERE written)
    AND (step <= {SURE_STEPS} OR (SELECT max(step) FROM near) < {MAX_STEPS})"""
ALONE = f"""
INSERT INTO verdicts
SELECT
    workspace_id, hour, trace_id, span_id, 1, '', 1, succeeded,
    multiIf(succeeded, 'clean', cancelled, 'aborted', 'failed'), tariff_key
FROM near
WHERE NOT {SHARES} AND {WRITTEN}
"""

# The latest success with the same prompt that had ended before this call started.
JUDGE = f"""
INSERT INTO verdicts
SELECT
    workspace_id, hour, trace_id, span_id, reason = '', reason, last_attempt,
    request_succeeded,
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
    tariff_key
FROM requests AS c
ASOF LEFT JOIN
(
    SELECT prompt_key, ended_at
    FROM requests
    WHERE prompt_key != 0 AND last_attempt AND request_succeeded
) AS earlier ON c.prompt_key = earlier.prompt_key AND c.started_at > earlier.ended_at
WHERE {WRITTEN}
"""


def judge(ch: Warehouse) -> None:
    """Fill the table `verdicts` from `near`: a row for each call whose charge is written."""
    for name, columns in TABLES.items():
        ch.command(f"CREATE OR REPLACE TEMPORARY TABLE {name} ({columns}) ENGINE = Memory")
    find_repeats(ch)
    bequeath(ch)
    for statement in (ALONE, REQUESTS, JUDGE):
        ch.command(statement)

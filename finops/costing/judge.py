"""What each call was in its request: counted or a repetition, the last attempt, which waste.

A call isn't counted where its usage is known from another row: from another span of the same
provider response, or from the calls that it is only the parent of. A failed attempt that is the
child of the successful one repeats nothing, and both were billed.
"""

from __future__ import annotations

from finops.clickhouse.client import Warehouse

DUPLICATE_WINDOW_S = 600

TABLES = {
    "shared": "key UInt64",
    "verdicts": """
    workspace_id UInt64, hour DateTime('UTC'),
    trace_id FixedString(16), span_id FixedString(8),
    counted UInt8, uncounted_reason LowCardinality(String),
    last_attempt UInt8, request_succeeded UInt8, waste_class LowCardinality(String),
    tariff_key UInt64""",
    "requests": """
    workspace_id UInt64, hour DateTime('UTC'),
    trace_id FixedString(16), span_id FixedString(8),
    started_at DateTime64(6, 'UTC'), ended_at DateTime64(6, 'UTC'),
    prompt_key UInt64, tariff_key UInt64, reason LowCardinality(String),
    succeeded UInt8, cancelled UInt8, last_attempt UInt8, request_succeeded UInt8,
    other_model UInt8""",
}

# Most calls share nothing with another one and need no more than a look at themselves.
SHARED = """
INSERT INTO shared
SELECT key FROM near ARRAY JOIN [response_key, request_key, prompt_key] AS key
WHERE key != 0 GROUP BY key HAVING count() > 1
UNION ALL
SELECT DISTINCT parent_key FROM near WHERE parent_key IN (SELECT span_key FROM near)
"""
SHARES = """(response_key IN shared OR request_key IN shared OR prompt_key IN shared
    OR span_key IN shared OR parent_key IN shared)"""

# Of the spans of one response the one that knows most is kept, then the earliest.
REPEATED = f"""
    SELECT *, response_key != 0 AND row_number() OVER (
        PARTITION BY workspace_id, if(response_key = 0, span_key, response_key)
        ORDER BY known DESC, detail DESC, attributed DESC, started_at, trace_id, span_id
    ) > 1 AS repeated
    FROM near
    WHERE {SHARES}"""

# A parent is dropped where it repeats the sum of its children, or only wraps them.
COUNTED = f"""
    SELECT r.*, multiIf(
        repeated, 'response_repeated',
        children.calls > 0 AND (ok = 0 OR children.some_ok)
            AND ((known AND tokens_in = children.tokens_in AND tokens_out = children.tokens_out)
                OR (NOT known AND wrapper)), 'parent_of_usage',
        '') AS reason
    FROM ({REPEATED}) AS r
    LEFT JOIN
    (
        SELECT parent_key, count() AS calls, max(ok) AS some_ok,
            sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out
        FROM ({REPEATED})
        WHERE parent_key != 0 AND NOT repeated AND known
        GROUP BY parent_key
    ) AS children ON children.parent_key = r.span_key"""

# Rows that don't count come last in their request, so they decide nothing. An attempt that got no
# answer doesn't know which dated model would have served it: what it asked for is compared.
REQUESTS = f"""
    INSERT INTO requests
    SELECT workspace_id, hour, trace_id, span_id, started_at, ended_at, prompt_key, tariff_key,
        reason, succeeded, cancelled,
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

WRITTEN = "(workspace_id, hour) IN (SELECT workspace_id, hour FROM reach WHERE written)"
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
    for statement in (SHARED, ALONE, REQUESTS, JUDGE):
        ch.command(statement)

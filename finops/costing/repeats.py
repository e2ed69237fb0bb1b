"""Which calls add nothing, because their usage is known from another row.

    response_repeated   another span of the same provider response
    twin                another instrumentation saw the same call
    parent_of_usage     a span that only wraps calls, or sums them up

A failed attempt that is the child of the successful one repeats nothing, and both were billed.
A row that adds nothing may be the only one that says for whom the call was: it has heirs, which
take over what they don't know themselves (bequeath.py).
"""

from __future__ import annotations

from finops.clickhouse.client import Warehouse
from finops.costing.speakers import LAST_NAME, SECOND, around

# Clocks of one process are read one after the other: so much may lie between two spans' ends.
SLACK_US = 20_000

TABLES = {
    "shared": "key UInt64",
    "repeats": "repeated UInt64, reason LowCardinality(String), heir UInt64",
}


def twice(key: str) -> str:
    """SQL of the keys that more than one row has: neighbours that are equal once they're sorted.

    Grouping by keys that hardly ever meet would take three times as long.
    """
    return f"""
SELECT DISTINCT arrayJoin(arrayFilter((key, before) -> key = before, keys,
    arraySlice(arrayPushFront(keys, 0), 1, length(keys))))
FROM (SELECT arraySort(groupArray({key})) AS keys FROM near WHERE {key} != 0)"""


# Most calls share nothing with another one and need no more than a look at themselves.
SHARED = f"""
INSERT INTO shared
{" UNION ALL ".join(twice(key) for key in ("response_key", "request_key", "prompt_key"))}
UNION ALL
SELECT DISTINCT parent_key FROM near WHERE parent_key IN (SELECT span_key FROM near)
UNION ALL
SELECT key FROM near ARRAY JOIN [trace_key, twin_key, moment_key] AS key
WHERE doubled AND key != 0 GROUP BY key HAVING uniqExact(scope) > 1
"""
SHARES = """(response_key IN shared OR request_key IN shared OR prompt_key IN shared
    OR span_key IN shared OR parent_key IN shared OR trace_key IN shared OR twin_key IN shared
    OR moment_key IN shared OR aggregate)"""

# LiteLLM's raw span, the one that names no request, repeats what LiteLLM wrote on the span around
# it, which knows who asked, often under another id of the response.
ECHOES = """
INSERT INTO repeats
SELECT e.span_key, 'response_repeated', p.span_key
FROM (SELECT * FROM near WHERE echo AND parent_key IN shared) AS e
INNER JOIN
(
    SELECT * FROM near WHERE span_key IN (SELECT parent_key FROM near WHERE echo)
) AS p ON p.span_key = e.parent_key
WHERE (p.scope = e.scope OR p.request_key != 0)
    AND p.tokens_in = e.tokens_in
    AND p.tokens_out = e.tokens_out
"""

# Of the spans of one response the one that knows most is kept, then the earliest.
RESPONSES = """
INSERT INTO repeats
SELECT span_key, 'response_repeated', kept
FROM
(
    SELECT span_key, first_value(span_key) OVER response AS kept
    FROM near
    WHERE response_key != 0 AND response_key IN shared
        AND span_key NOT IN (SELECT repeated FROM repeats)
    WINDOW response AS (
        PARTITION BY workspace_id, response_key
        ORDER BY known DESC, detail DESC, attributed DESC, started_at, trace_id, span_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
)
WHERE span_key != kept
"""

SEEN = "SELECT * FROM near WHERE span_key NOT IN (SELECT repeated FROM repeats)"


def inside(inner: str, outer: str) -> str:
    """SQL of whether one call lies within the time of another."""
    return f"""({inner}.started_at >= {outer}.started_at - toIntervalMicrosecond({SLACK_US})
        AND {inner}.ended_at <= {outer}.ended_at + toIntervalMicrosecond({SLACK_US}))"""


# Where rows of two scopes can meet: by the same usage in one trace, or within a second in two
# traces of one service. A row that knows no usage, or none of its input, meets whatever else is in
# its trace; and within a second, what a client that traces itself saw, or the wrapper of one.
MEETING = "cityHash64(trace_key, tokens_in, tokens_out)"
SEEKS_AT = f"""arrayConcat(if(vague, [trace_key], []),
    if(known, [{MEETING}], []), if(twin_key = 0, [], {around("twin_key")}),
    if(vague AND moment_key != 0, {around("moment_key")}, []))"""
FOUND_AT = f"""arrayConcat([trace_key, {MEETING}],
    if(twin_key = 0, [], [cityHash64(twin_key, {SECOND})]),
    if(moment_key = 0, [], [cityHash64(moment_key, {SECOND})]))"""
NAMES = f"arrayFilter(n -> n != '', [{LAST_NAME.format('asked')}, {LAST_NAME.format('served')}])"
CANDIDATES = """doubled AND NOT aggregate
    AND (trace_key IN shared OR twin_key IN shared OR moment_key IN shared)"""

# Of two rows the one that knows more is kept; where they know the same, the inner one, which is
# nearer to the provider. Each row is compared with the nearest one of every other scope, so that
# calls which run side by side find their own twins. A row that another span of its response was
# kept for stands for that one.
RANK = """(known, tokens_in > 0, detail, named, NOT known AND NOT ok, attributed,
    -dateDiff('microsecond', started_at, ended_at), scope)"""
LOOKED_AT = f"*, {RANK} AS rank, {NAMES} AS names"
SAME_USAGE = "k.known AND k.tokens_in = r.tokens_in AND k.tokens_out = r.tokens_out"
TWINS = f"""
INSERT INTO repeats
SELECT span_key, 'twin', nearest.2
FROM
(
    SELECT r.span_key AS span_key, k.scope AS other,
        argMin((k.kept != k.span_key OR k.rank > r.rank, k.kept), (
            abs(dateDiff('microsecond', r.started_at, k.started_at)), k.span_key)) AS nearest
    FROM (SELECT {LOOKED_AT}, {SEEKS_AT} AS meetings
        FROM ({SEEN}) WHERE {CANDIDATES}) AS r
    ARRAY JOIN r.meetings AS meeting
    INNER JOIN
    (
        SELECT {LOOKED_AT}, if(heir = 0, span_key, heir) AS kept, meeting
        FROM near
        LEFT ANY JOIN repeats ON repeated = span_key
        ARRAY JOIN {FOUND_AT} AS meeting
        WHERE {CANDIDATES}
    ) AS k ON k.meeting = meeting
    WHERE k.scope != r.scope AND k.kept != r.span_key AND NOT (r.named AND k.named)
        AND (empty(r.names) OR empty(k.names) OR hasAny(r.names, k.names))
        AND ({inside("r", "k")} OR {inside("k", "r")})
        AND (r.trace_key = k.trace_key OR r.own_tracer != k.own_tracer
            OR (r.known AND NOT r.vague))
        AND multiIf(
            {SAME_USAGE} AND r.known, 1,
            r.known, r.vague AND k.tokens_in > 0 AND k.tokens_out = r.tokens_out,
            r.ok = k.ok OR {inside("k", "r")} OR (r.own_tracer AND NOT k.known))
    GROUP BY span_key, other
)
WHERE nearest.1
"""

# An agent's step repeats the usage of the calls, and of the steps, that lie within it in its trace.
STEPS = f"""
INSERT INTO repeats
SELECT a.span_key, 'parent_of_usage', c.span_key
FROM (SELECT * FROM ({SEEN}) WHERE aggregate) AS a
INNER JOIN
(
    SELECT * FROM ({SEEN})
    WHERE known AND trace_id IN (SELECT trace_id FROM near WHERE aggregate)
) AS c
    ON c.workspace_id = a.workspace_id AND c.trace_id = a.trace_id
WHERE c.span_key != a.span_key AND {inside("c", "a")}
    AND (NOT c.aggregate OR (a.started_at, -toUnixTimestamp64Micro(a.ended_at), a.span_key)
        < (c.started_at, -toUnixTimestamp64Micro(c.ended_at), c.span_key))
"""

# A parent is dropped where it repeats the sum of its children, or only wraps them: children that
# know their usage, or ended as it did and know no more than it. LiteLLM writes an attempt that
# failed on the span around the raw one of the attempt that didn't.
END = f"(ok, cancelled, {LAST_NAME.format('asked')})"
PARENTS = f"""
INSERT INTO repeats
SELECT r.span_key, 'parent_of_usage', arrayJoin(if(knowing, informed, others))
FROM ({SEEN}) AS r
INNER JOIN
(
    SELECT parent_key, countIf(known) > 0 AS knowing, max(echo) AS echoing,
        maxIf(ok, known) AS some_ok,
        groupArrayIf(span_key, known) AS informed, groupArray(span_key) AS others,
        sumIf(tokens_in, known) AS tokens_in, sumIf(tokens_out, known) AS tokens_out,
        groupUniqArray({END}) AS ends
    FROM ({SEEN})
    WHERE parent_key != 0
    GROUP BY parent_key
) AS children ON children.parent_key = r.span_key
WHERE multiIf(
    knowing AND ok AND NOT some_ok, 0,
    echoing AND NOT ok AND request_key != 0, 0,
    known, knowing AND r.tokens_in = children.tokens_in AND r.tokens_out = children.tokens_out,
    wrapper AND (knowing OR has(ends, {END})))
"""


def find_repeats(ch: Warehouse) -> None:
    """Fill the tables `shared` and `repeats` from `near`."""
    for name, columns in TABLES.items():
        ch.command(f"CREATE OR REPLACE TEMPORARY TABLE {name} ({columns}) ENGINE = Memory")
    for statement in (SHARED, ECHOES, RESPONSES, TWINS, STEPS, PARENTS):
        ch.command(statement)

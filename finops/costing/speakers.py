"""What links rows of several instrumentations that may have seen one call.

Where more than one speaks for a workspace, the trace tells, or service, moment and usage together.
Some clients trace their own calls, also under a wrapper that does, and in a trace beside it if
there is none to join; where one of the two knows no usage, or half of it, only the moment is left.
"""

from __future__ import annotations

LAST_NAME = "arrayElement(splitByChar('/', lower({})), -1)"
SCOPE = r"replaceRegexpOne(emitter, '(.)@[^@/]*$', '\\1')"
OWN_TRACERS = "('com.anthropic.sdk.python', 'mistralai_sdk_tracer')"

TABLE = "workspace_id UInt64, own_tracers UInt8"
COLUMNS = """
    trace_link UInt64, trace_key UInt64, twin_key UInt64, moment_key UInt64,
    scope LowCardinality(String), doubled UInt8, own_tracer UInt8, vague UInt8,
    aggregate UInt8, named UInt8, echo UInt8"""
NAMES = """trace_link, trace_key, twin_key, moment_key, scope, doubled, own_tracer, vague,
    aggregate, named, echo"""

# Steps to which some emitters give the usage of everything below them.
AGGREGATES = """('invoke_agent', 'create_agent', 'invoke_workflow', 'agent', 'workflow', 'task',
    'chain', 'plan', 'execute_tool')"""

FIND_SPEAKERS = f"""
INSERT INTO speakers
SELECT workspace_id, max({SCOPE} IN {OWN_TRACERS})
FROM calls
WHERE (workspace_id, toStartOfHour(started_at)) IN (SELECT workspace_id, hour FROM reach)
    AND started_at >= {{start:DateTime64(6, 'UTC')}} AND started_at < {{end:DateTime64(6, 'UTC')}}
GROUP BY workspace_id
HAVING uniqExact({SCOPE}) > 1
"""

# Expressions over a call and its `hit`, `detail`, `tokens_in` and `tokens_out`, in this order.
EXPRESSIONS = f"""
    reinterpretAsUInt64(trace_id) AS trace_link,
    cityHash64('trace', workspace_id, trace_id) AS trace_key,
    {SCOPE} AS scope,
    workspace_id IN (SELECT workspace_id FROM speakers) AND NOT hit AS doubled,
    scope IN {OWN_TRACERS} AS own_tracer,
    detail = 0 OR tokens_in = 0 AS vague,
    operation IN {AGGREGATES} AS aggregate,
    response_id != '' AS named,
    dialect = 'litellm' AND request_id = '' AND tokens_in > 0 AS echo,
    if(doubled AND NOT aggregate AND tokens_in + tokens_out > 0,
        cityHash64('twin', workspace_id, service, tokens_in, tokens_out), 0) AS twin_key,
    if(doubled AND NOT aggregate
            AND workspace_id IN (SELECT workspace_id FROM speakers WHERE own_tracers),
        cityHash64('moment', workspace_id, service), 0) AS moment_key
"""

SECOND = "toUnixTimestamp(started_at)"


def around(key: str) -> str:
    """SQL of a key in the second of a call, the one before and the one after."""
    return f"arrayMap(away -> cityHash64({key}, {SECOND} + away - 1), range(3))"


# A row asks for what it is judged with or, by the complement, for what is judged with it.
ASKS = f"""arrayConcat(
    [if(aggregate OR doubled, trace_link, bitNot(trace_link))],
    if(twin_key = 0, [], {around("twin_key")}),
    if(moment_key = 0, [], if(vague, {around("moment_key")},
        arrayMap(key -> bitNot(key), {around("moment_key")}))))"""
ANSWERS = f"""(trace_link IN links OR (aggregate AND bitNot(trace_link) IN links)
        OR (twin_key != 0 AND cityHash64(twin_key, {SECOND}) IN links)
        OR (moment_key != 0 AND (cityHash64(moment_key, {SECOND}) IN links
            OR (vague AND bitNot(cityHash64(moment_key, {SECOND})) IN links))))"""

"""Which calls a batch of new ones can change: the calls they're linked to, however they arrive.

A call is judged together with the spans of its provider response, its parent and children, the
attempts of its request and the calls with its prompt; where more than one instrumentation speaks,
with its trace and with what the others saw at the same moment; and an agent's step, if it has the
usage of what is below it, with its trace. Links are followed until nothing new is found, so what
was found can be judged on its own. They reach one hour of the clock to either side of a batch's own
hours; what is judged there is written, and one hour more is read around it, so that no call is
judged by half of its links.

Everything is kept in temporary tables of the connection. They hold a few hundred bytes a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from finops.clickhouse.client import Warehouse
from finops.costing import speakers
from finops.pricing.rate import TIERS
from finops.pricing.resolve import PROVIDERS

HOUR = timedelta(hours=1)
# A chain of links longer than this many steps is cut, and said so.
MAX_STEPS = 30
LONGEST_H = 24

log = structlog.get_logger(__name__)

# Operations that a model answers; a tool or a retrieval that wraps one is a step of its own.
WRAPPERS = "('', 'chat', 'completion', 'text_completion', 'generate_content', 'embeddings')"
TABLES = {
    "reach": """
        workspace_id UInt64, hour DateTime('UTC'), own UInt8, written UInt8""",
    "speakers": speakers.TABLE,
    "links": "link UInt64",
    "near": f"""
        workspace_id UInt64, hour DateTime('UTC'),
        trace_id FixedString(16), span_id FixedString(8),
        started_at DateTime64(6, 'UTC'), ended_at DateTime64(6, 'UTC'), step UInt8,
        span_key UInt64, parent_key UInt64,
        response_link UInt64, request_link UInt64, prompt_link UInt64,
        parent_link UInt64, child_link UInt64,
        response_key UInt64, request_key UInt64, prompt_key UInt64, tariff_key UInt64,
        provider LowCardinality(String), model LowCardinality(String),
        asked LowCardinality(String), served LowCardinality(String),
        service_tier LowCardinality(String), region LowCardinality(String),
        attempt UInt16, ok UInt8, succeeded UInt8, cancelled UInt8, hit UInt8, wrapper UInt8,
        known UInt8, detail UInt8, attributed UInt8, tokens_in UInt64, tokens_out UInt64,
        said UInt16, used UInt8, failed UInt8, retry_key UInt64,
        {speakers.COLUMNS}""",
}

INPUT = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_in", "image_in")
OUTPUT = ("output", "reasoning", "audio_out", "image_out")
BUCKETS = (*INPUT, *OUTPUT)


def total(buckets: tuple[str, ...]) -> str:
    return " + ".join(f"toUInt64(ifNull({bucket}_tokens, 0))" for bucket in buckets)


def known(buckets: tuple[str, ...]) -> str:
    return " + ".join(f"isNotNull({bucket}_tokens)" for bucket in buckets)


def bits(buckets: Sequence[str], condition: str) -> str:
    """SQL of a number whose bit n says whether the condition holds for bucket n."""
    return " + ".join(
        f"toUInt16({condition.format(bucket)}) * {1 << place}"
        for place, bucket in enumerate(buckets)
    )


SAID = bits(BUCKETS, "isNotNull({}_tokens)")
FAILED = "outcome IN ('error', 'timeout', 'rate_limited', 'oom')"


# A hit in the client's own cache that replaced the call itself. A retrieval found in a cache
# doesn't: the model that reads it is still asked.
HIT = """(cache_hit = 1 AND (cache_layer IN ('exact', 'semantic')
    OR (cache_layer = 'embedding' AND operation = 'embeddings')
    OR (cache_layer = 'retrieval' AND operation IN ('retrieval', 'rerank'))))"""

# A parent is looked for by its id, a child by the complement of its parent's, so that the many
# children of one root aren't taken for each other's relatives.
SPAN_ITSELF = "reinterpretAsUInt64(span_id)"
SPAN_PARENT = "reinterpretAsUInt64(parent_span_id)"
# A tier is what the response says; one that no rate can have is standard processing.
TIER = "if(lower(service_tier) IN {tiers:Array(String)}, lower(service_tier), '')"
TARIFF_KEY = f"cityHash64(workspace_id, provider, model, {TIER}, region)"
# 0 is "no link". Ollama numbers its responses chatcmpl-0 to chatcmpl-999, so these name nothing.
KEYS = f"""
    cityHash64('span', workspace_id, trace_id, span_id) AS span_key,
    if(parent_span_id = toFixedString('', 8), 0,
        cityHash64('span', workspace_id, trace_id, parent_span_id)) AS parent_key,
    if(response_id = '' OR hit OR match(response_id, '^chatcmpl-[0-9]{{1,3}}$'), 0,
        cityHash64('response', workspace_id, transform(lower(provider), {{names:Array(String)}},
            {{ids:Array(String)}}, lower(provider)), response_id)) AS response_key,
    if(request_id = '', 0, cityHash64('request', workspace_id, request_id)) AS request_key,
    if(prompt_hash = 0, 0,
        cityHash64('prompt', workspace_id, tenant, user_id, operation, prompt_hash)) AS prompt_key,
    if(model_served = '', model_requested, model_served) AS model,
    if(prompt_key = 0 OR request_id != '', 0, cityHash64('retry', prompt_key,
        if(action_id = '', hex(trace_id), action_id))) AS retry_key,
    {TIER} AS tier,
    {TARIFF_KEY} AS tariff_key
"""
# Copies of a span have one sort key, so a PREWHERE on it can't tear them apart; FINAL comes after.
NEAR = f"""
INSERT INTO near
SELECT
    workspace_id, toStartOfHour(started_at) AS hour, trace_id, span_id,
    started_at, started_at + toIntervalMicrosecond(greatest(toInt64(duration_ms * 1000), 0)),
    {{step:UInt8}}, span_key, parent_key,
    if(response_key = 0, 0, cityHash64(response_id)),
    if(request_key = 0, 0, cityHash64(request_id)), prompt_hash,
    {SPAN_PARENT}, bitNot({SPAN_ITSELF}),
    response_key, request_key, prompt_key,
    tariff_key, provider, model, if(model_requested = '', model, model_requested), model_served,
    tier, region,
    attempt, outcome = 'ok', ifNull(success, outcome = 'ok'), outcome = 'cancelled', hit,
    operation IN {WRAPPERS},
    detail > 0, detail, tenant != '', tokens_in, tokens_out,
    said, notEmpty(uses), failed, retry_key, {speakers.NAMES}
FROM
(
    SELECT *, {HIT} AS hit, {KEYS}, {total(INPUT)} AS tokens_in, {total(OUTPUT)} AS tokens_out,
        {SAID} AS said, bitCount(said) AS detail, {FAILED} AS failed, {speakers.EXPRESSIONS}
    FROM calls FINAL
    PREWHERE (workspace_id, toStartOfHour(started_at)) IN (SELECT workspace_id, hour FROM reach)
    WHERE started_at >= {{start:DateTime64(6, 'UTC')}} AND started_at < {{end:DateTime64(6, 'UTC')}}
)
"""
# The hours that a batch's calls lie in, one more to either side that is written, one more that is
# only read. A call that lasts for hours (an agent's) reaches the ones that it spans.
REACH = f"""
INSERT INTO reach
SELECT workspace_id, first + toIntervalHour(away) AS hour, max(away = 0),
    max(away BETWEEN -1 AND hours + 1)
FROM
(
    SELECT DISTINCT workspace_id, toStartOfHour(started_at) AS first,
        least(intDiv(toUInt64(greatest(duration_ms, 0)), 3600000) + 1, {LONGEST_H}) AS hours
    FROM calls
    WHERE segment IN {{segments:Array(String)}}
)
ARRAY JOIN range(-2, toInt32(hours) + 3) AS away
GROUP BY workspace_id, hour
"""
STORED = """
SELECT count() AS calls FROM calls
WHERE (workspace_id, toStartOfHour(started_at)) IN (SELECT workspace_id, hour FROM reach)
    AND started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
"""
OWN = """
WHERE (workspace_id, hour) IN (SELECT workspace_id, hour FROM reach WHERE own)
    AND cityHash64(trace_id) % {parts:UInt32} = {part:UInt32}
"""
# The links are looser than the keys, and so much cheaper to compare: what they find beyond the keys
# (another trace's span of the same id) is read, and judged on its own.
LINKED = f"""
WHERE (cityHash64(response_id) IN links OR cityHash64(request_id) IN links
        OR (prompt_hash IN links AND prompt_key IN links)
        OR {SPAN_ITSELF} IN links OR bitNot({SPAN_PARENT}) IN links
        OR {speakers.ANSWERS})
    AND span_key NOT IN (SELECT span_key FROM near)
"""
FRONTIER = f"""
INSERT INTO links
SELECT DISTINCT link
FROM near
ARRAY JOIN arrayConcat(
    [response_link, request_link, prompt_link, prompt_key, parent_link, child_link],
    {speakers.ASKS}) AS link
WHERE step = {{step:UInt8}} AND link != 0
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one pass charges: calls of segments, or all calls of hours.

    `part` of `parts`: calls are taken by trace, so that a batch fits into memory.
    """

    segments: tuple[str, ...] = ()
    hours: tuple[tuple[int, datetime], ...] = ()
    part: int = 0
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Near:
    """What was gathered: so many calls; `whole` if there are no others in the hours of `reach`."""

    calls: int
    whole: bool = False


def gather(ch: Warehouse, batch: Batch) -> Near:
    """Fill the tables `reach` and `near` for a batch."""
    for name, columns in TABLES.items():
        ch.command(f"CREATE OR REPLACE TEMPORARY TABLE {name} ({columns}) ENGINE = Memory")
    if batch.segments:
        ch.command(REACH, {"segments": list(batch.segments)})
    else:
        reach_around(ch, batch.hours)
    (span,) = ch.query("SELECT min(hour) AS first, max(hour) AS last, count() AS hours FROM reach")
    if not span["hours"]:
        return Near(0)
    params: dict[str, Any] = {
        "start": span["first"],
        "end": span["last"] + HOUR,
        "tiers": list(TIERS),
        "names": list(PROVIDERS),
        "ids": list(PROVIDERS.values()),
    }
    ch.command(speakers.FIND_SPEAKERS, {"start": params["start"], "end": params["end"]})
    own = {**params, "part": batch.part, "parts": batch.parts}
    of_segments = "AND segment IN {segments:Array(String)}" if batch.segments else ""
    if batch.segments:
        own["segments"] = list(batch.segments)
    ch.command(f"{NEAR} {OWN} {of_segments}", {**own, "step": 0})
    found = count_near(ch)
    # Copies of a call make the stored rows more than the calls: then links are followed in vain.
    if found == ch.query(STORED, params)[0]["calls"]:
        return Near(found, whole=True)
    return Near(follow_links(ch, params, found))


def follow_links(ch: Warehouse, params: dict[str, Any], found: int) -> int:
    """Add what is linked to the calls of `near` until nothing new is found; returns how many."""
    for step in range(1, MAX_STEPS + 1):
        ch.command(f"CREATE OR REPLACE TEMPORARY TABLE links ({TABLES['links']}) ENGINE = Memory")
        ch.command(FRONTIER, {"step": step - 1})
        ch.command(f"{NEAR} {LINKED}", {**params, "step": step})
        before, found = found, count_near(ch)
        if found == before:
            return found
    log.warning("links_cut", steps=MAX_STEPS, calls=found)
    return found


def count_near(ch: Warehouse) -> int:
    return int(ch.query("SELECT count() AS calls FROM near")[0]["calls"])


def reach_around(ch: Warehouse, hours: Sequence[tuple[int, datetime]]) -> None:
    """Read one hour around the hours of a recomputation; write these hours alone."""
    own = set(hours)
    around = {(workspace, hour + HOUR * step) for workspace, hour in own for step in (-1, 0, 1)}
    rows = sorted(around)
    ch.insert(
        "reach",
        {
            "workspace_id": [workspace for workspace, _ in rows],
            "hour": [hour for _, hour in rows],
            "own": [int(row in own) for row in rows],
            "written": [int(row in own) for row in rows],
        },
    )

"""Charge the judged calls: tokens times rate, bucket by bucket, in Decimal, inside ClickHouse.

    cost of a bucket = round(tokens x rate, 12 places, half away from zero)
    cost of a call   = the sum of its buckets and its fee

so the buckets of a charge always add up to its cost. A call that didn't count, a refused request
and a hit in the client's own cache cost nothing; a call whose rate or usage isn't known costs NULL
and says why.
"""

from __future__ import annotations

from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.costing.bequeath import LEFT
from finops.costing.gather import HIT, HOUR, INPUT, OUTPUT, known, total
from finops.pricing.aliases import ensure_aliases
from finops.pricing.models import RateVersion

BUCKETS = (*INPUT, *OUTPUT)
RATE_RANGE = (
    "context_above UInt64, context_upto UInt64, valid_from DateTime('UTC'), "
    "valid_to DateTime('UTC'), daily_from_s UInt32, daily_to_s UInt32"
)
RATE_USD = ", ".join(f"{bucket} Nullable(Decimal(38, 18))" for bucket in (*BUCKETS, "call"))
TARIFFS = f"tariff_key UInt64, rates Array(Tuple(found UInt8, {RATE_RANGE}, {RATE_USD}))"

MISSING_PAIRS = """
SELECT DISTINCT workspace_id, provider, model
FROM near
WHERE model != '' AND (workspace_id, provider, model) NOT IN (
    SELECT workspace_id, provider, model FROM rate_aliases
    WHERE rate_version = {rate_version:UInt32}
)
"""

# The rates that can apply to what the batch's calls name: of the candidates for one tariff the
# workspace's own go before the list's, then the very tier and region before the general ones.
FILL_TARIFFS = f"""
INSERT INTO tariffs
SELECT tariff_key, groupArray((
    1, context_above, context_upto, valid_from, valid_to, daily_from_s, daily_to_s,
    {", ".join(f"{bucket}_usd" for bucket in (*BUCKETS, "call"))}))
FROM
(
    SELECT wanted.tariff_key AS tariff_key, rate.*,
        (rate.workspace_id != 0, rate.service_tier != '', rate.region != '') AS fit,
        max(fit) OVER (PARTITION BY wanted.tariff_key) AS best
    FROM (
        SELECT DISTINCT tariff_key, workspace_id, provider, model, service_tier, region FROM near
    ) AS wanted
    INNER JOIN (
        SELECT * FROM rate_aliases FINAL WHERE rate_version = {{rate_version:UInt32}}
    ) AS alias
        ON alias.workspace_id = wanted.workspace_id AND alias.provider = wanted.provider
        AND alias.model = wanted.model
    INNER JOIN (
        SELECT * FROM rates FINAL WHERE rate_version = {{rate_version:UInt32}}
    ) AS rate
        ON rate.provider = alias.rate_provider AND rate.model = alias.rate_model
    WHERE rate.workspace_id IN (0, wanted.workspace_id)
        AND rate.service_tier IN ('', wanted.service_tier)
        AND rate.region IN ('', wanted.region)
)
WHERE fit = best
GROUP BY tariff_key
"""

# Strictly above the threshold is the dearer tier; 0 is no threshold, even for no tokens at all.
RATE = """arrayFirst(r ->
    (r.context_above = 0 OR total_input > r.context_above) AND total_input <= r.context_upto
    AND started_at >= r.valid_from AND started_at < r.valid_to
    AND day_s >= r.daily_from_s AND day_s < r.daily_to_s,
    rates)"""
ZERO = "toDecimal128(0, 12)"


def rounded(usd: str) -> str:
    return f"CAST(round({usd}, 12) AS Nullable(Decimal(38, 12)))"


def tokens_times_rate(bucket: str) -> str:
    """SQL of a bucket's cost; 0 tokens cost 0 even where there's no rate for them."""
    tokens = f"{bucket}_tokens"
    return f"if({tokens} = 0, {ZERO}, {rounded(f'{tokens} * rate.{bucket}')})"


UNRATED = " OR ".join(
    f"(ifNull({bucket}_tokens, 0) > 0 AND isNull(rate.{bucket}))" for bucket in BUCKETS
)
# A count that was refused at the door, or never sent, is unknown and not 0: a bill of the other
# half alone would be too low and look right.
ANSWERS = "('', 'chat', 'completion', 'text_completion', 'generate_content')"
COMPLETE = f"""({known(INPUT)} > 0
    AND ({known(OUTPUT)} > 0 OR outcome != 'ok' OR operation NOT IN {ANSWERS}))"""
STATE = f"""multiIf(
    NOT counted OR (NOT known AND outcome IN ('error', 'rate_limited')), 'free',
    model = '', 'no_model',
    NOT rate.found, 'no_rate',
    NOT complete, 'no_usage',
    {UNRATED}, 'no_rate',
    '')"""
SAVING = rounded(
    "ifNull(cache_read_tokens, 0) * (rate.input - rate.cache_read)"
    " - ifNull(cache_write_5m_tokens, 0) * (rate.cache_write_5m - rate.input)"
    " - ifNull(cache_write_1h_tokens, 0) * (rate.cache_write_1h - rate.input)"
)
COSTS = (*BUCKETS, "call")
OF_CALL = (
    "workspace_id", "trace_id", "span_id", "started_at", "tenant", "user_id", "team", "feature",
    "environment", "operation", "provider", "model", "service_tier", "action_id", "action_name",
    "request_id", "attempt", "outcome", "duration_ms", "queue_ms", "ttft_ms",
    *(f"{bucket}_tokens" for bucket in BUCKETS),
)  # fmt: skip
WORKED_OUT = ("hit", "known", "complete", "total_input", "day_s")
OF_VERDICT = ("counted", "uncounted_reason", "last_attempt", "request_succeeded", "waste_class")
COPIED = ", ".join((*OF_CALL, *OF_VERDICT))


def own_or_left(name: str) -> str:
    """SQL of a column of the call, or of what a row that repeats it says."""
    own = f"if(c.{name} = '', bequests.{name}, c.{name})" if name in LEFT else f"c.{name}"
    if name == "action_id":
        return f"if({own} = '', lower(hex(c.trace_id)), {own}) AS action_id"
    return f"{own} AS {name}"


READ = ", ".join(own_or_left(name) for name in (*OF_CALL, *WORKED_OUT))
READ_VERDICT = ", ".join(f"verdicts.{name} AS {name}" for name in OF_VERDICT)

# PREWHERE picks by span id alone, which costs a third of the whole key; the join is exact.
# The inner `if` of the last column keeps what lies under its NULLs at zero: that compresses.
CHARGE = f"""
INSERT INTO charges ({COPIED}, {", ".join(f"{bucket}_usd" for bucket in COSTS)}, cost_usd,
    unpriced_reason, provider_cache_saving_usd, response_cache_saving_usd, rate_version, version)
SELECT {COPIED},
    {", ".join(f"if(nothing, {ZERO}, if(state = '', worth_{b}, NULL)) AS {b}_usd" for b in COSTS)},
    if(nothing, {ZERO}, if(state = '', worth, NULL)) AS cost_usd,
    if(nothing, '', state) AS unpriced_reason,
    if(nothing, {ZERO}, if(state = '', ifNull({SAVING}, {ZERO}), NULL)),
    if(hit AND state = '', if(hit, worth, {ZERO}), NULL),
    {{rate_version:UInt32}}, {{version:UInt64}}
FROM
(
    SELECT *, {STATE} AS state, state = 'free' OR hit AS nothing,
        {", ".join(f"{tokens_times_rate(b)} AS worth_{b}" for b in BUCKETS)},
        {rounded("rate.call")} AS worth_call,
        {" + ".join(f"ifNull(worth_{b}, {ZERO})" for b in COSTS)} AS worth
    FROM
    (
        SELECT {READ}, {READ_VERDICT}, {RATE} AS rate
        FROM
        (
            SELECT *, if(model_served = '', model_requested, model_served) AS model,
                {HIT} AS hit, {known(BUCKETS)} > 0 AS known, {COMPLETE} AS complete,
                {total(INPUT)} AS total_input,
                toUInt32(toUnixTimestamp(started_at) % 86400) AS day_s
            FROM calls FINAL
            PREWHERE (workspace_id, toStartOfHour(started_at)) IN (
                    SELECT workspace_id, hour FROM verdicts)
                AND reinterpretAsUInt64(span_id) IN (
                    SELECT reinterpretAsUInt64(span_id) FROM verdicts)
            WHERE started_at >= {{start:DateTime64(6, 'UTC')}}
                AND started_at < {{end:DateTime64(6, 'UTC')}}
        ) AS c
        INNER JOIN verdicts ON verdicts.workspace_id = c.workspace_id
            AND verdicts.trace_id = c.trace_id AND verdicts.span_id = c.span_id
        LEFT JOIN bequests ON bequests.workspace_id = c.workspace_id
            AND bequests.trace_id = c.trace_id AND bequests.span_id = c.span_id
        LEFT JOIN tariffs ON tariffs.tariff_key = verdicts.tariff_key
    )
)
"""


# Evaluating each branch for its own rows only makes the same products be worked out many times
# over: measured, four times slower.
SETTINGS = {"short_circuit_function_evaluation": "disable"}


def price(ch: Warehouse, rates: RateVersion, *, version: int, now: datetime) -> None:
    """Write a charge for each verdict, as `version` of the ledger."""
    number = {"rate_version": rates.number}
    pairs = [
        (p["workspace_id"], p["provider"], p["model"]) for p in ch.query(MISSING_PAIRS, number)
    ]
    ensure_aliases(ch, rates, pairs, now=now)
    ch.command(f"CREATE OR REPLACE TEMPORARY TABLE tariffs ({TARIFFS}) ENGINE = Memory")
    ch.command(FILL_TARIFFS, number)
    (span,) = ch.query("SELECT min(hour) AS first, max(hour) AS last FROM verdicts")
    ch.command(
        CHARGE,
        {**number, "version": version, "start": span["first"], "end": span["last"] + HOUR},
        settings=SETTINGS,
    )

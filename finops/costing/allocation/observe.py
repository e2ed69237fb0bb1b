"""Samples of GPUs, reduced inside ClickHouse to one row per GPU and hour.

A sample tells of the time since the one before it. Where that lies further back than GAP_S, only
the window that the sample itself names is known, and the rest is unobserved. The mean is by time,
so a sender that samples more often in one minute doesn't weigh more. An interval over a full
hour's edge counts in both hours, each with its part.

Energy is the difference of the counter (after a restart its value), else the deltas that were sent,
else power x time. Counters of cards are on rows of their own where a card has MIG instances.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from finops.clickhouse.client import Warehouse
from finops.costing.allocation.cards import SampleHour

GAP_S = 300
GAP = timedelta(seconds=GAP_S)

GPU = "host, gpu_uuid, gpu_instance"
READ = """
    SELECT {columns}
    FROM gpu_samples FINAL
    WHERE workspace_id = {{workspace_id:UInt64}}
        AND ts >= {{first:DateTime('UTC')}} AND ts < {{last:DateTime('UTC')}} AND {condition}
"""
OF_USE = READ.format(
    columns=f"{GPU}, gpu_model, gpu_profile, pool, ts, window_s, utilisation AS used",
    condition="isNotNull(utilisation)",
)
OF_ENERGY = READ.format(
    columns=f"{GPU}, ts, energy_j AS counter, energy_delta_j AS delta, power_w AS power",
    condition="(isNotNull(energy_j) OR isNotNull(energy_delta_j) OR isNotNull(power_w))",
)
ORDER = f"PARTITION BY {GPU} ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"
# Both hours that an interval of at most GAP_S can lie in.
HOURS = "arrayJoin(arrayDistinct([toStartOfHour(since), toStartOfHour(ts - 1)])) AS hour"
OVERLAP = "least(ts, hour + 3600) - greatest(since, hour)"

USE = f"""
SELECT {GPU}, hour, max(model) AS gpu_model, max(profile) AS profile, max(label) AS label,
    toUInt64(sum(inside_s)) * 1000 AS covered_ms,
    sum(toUInt64(round(greatest(0., least(1., used)) * inside_s * 1000))) AS busy_ms,
    toUInt64(max(least(ts, hour + 3600)) - min(greatest(since, hour))) * 1000 AS span_ms
FROM
(
    SELECT *, {HOURS}, toInt64({OVERLAP}) AS inside_s
    FROM
    (
        SELECT {GPU}, gpu_model AS model, gpu_profile AS profile, pool AS label, ts, used,
            if(ts - before <= {{gap:UInt32}}, before,
               ts - toUInt32(round(least(ifNull(window_s, 0), {{gap:UInt32}})))) AS since
        FROM (SELECT *, lagInFrame(ts) OVER ({ORDER}) AS before FROM ({OF_USE}))
    )
    WHERE since < ts
)
WHERE inside_s > 0 AND hour >= {{start:DateTime('UTC')}} AND hour < {{end:DateTime('UTC')}}
GROUP BY {GPU}, hour
"""

USED_J = """multiIf(
    isNotNull(counter) AND isNotNull(counter_before) AND near,
        if(counter >= counter_before, counter - counter_before, counter),
    isNotNull(delta), delta,
    isNotNull(power) AND near, power * (ts - before),
    0.)"""
ENERGY = f"""
SELECT {GPU}, hour, toUInt64(round(sum(inside_j))) AS energy_j
FROM
(
    SELECT *, {HOURS}, ifNull(used_j, 0.) * ({OVERLAP}) / (ts - since) AS inside_j
    FROM
    (
        SELECT {GPU}, ts, ts - before <= {{gap:UInt32}} AND ts > before AS near,
            if(near, before, ts - 1) AS since, {USED_J} AS used_j
        FROM (
            SELECT *, lagInFrame(ts) OVER ({ORDER}) AS before,
                lagInFrame(counter) OVER ({ORDER}) AS counter_before
            FROM ({OF_ENERGY})
        )
    )
)
WHERE inside_j > 0 AND hour >= {{start:DateTime('UTC')}} AND hour < {{end:DateTime('UTC')}}
GROUP BY {GPU}, hour
"""


def observe(
    ch: Warehouse, workspace_id: int, start: datetime, end: datetime, *, gap_s: int = GAP_S
) -> dict[datetime, list[SampleHour]]:
    """Return what was seen of every GPU in the whole hours of [start, end), by hour."""
    params = {
        "workspace_id": workspace_id,
        "start": start,
        "end": end,
        "first": start - timedelta(seconds=gap_s),
        "last": end + timedelta(seconds=gap_s + 1),
        "gap": gap_s,
    }
    use = {key_of(row): row for row in ch.query(USE, params)}
    energy = {key_of(row): row["energy_j"] for row in ch.query(ENERGY, params)}
    found: dict[datetime, list[SampleHour]] = defaultdict(list)
    for key in sorted(use.keys() | energy.keys()):
        row = use.get(key, {})
        host, gpu_uuid, gpu_instance, hour = key
        found[hour].append(
            SampleHour(
                host,
                gpu_uuid,
                gpu_instance,
                row.get("gpu_model", ""),
                row.get("profile", ""),
                row.get("label", ""),
                row.get("covered_ms", 0),
                row.get("busy_ms", 0),
                row.get("span_ms", 0),
                energy.get(key, 0),
            )
        )
    return {hour: as_cards(samples) for hour, samples in found.items()}


def key_of(row: dict[str, object]) -> tuple[str, str, str, datetime]:
    return (row["host"], row["gpu_uuid"], row["gpu_instance"], row["hour"])  # type: ignore[return-value]


def as_cards(samples: list[SampleHour]) -> list[SampleHour]:
    """Give a row that tells only of energy the model and label of its card's other rows."""
    known = {(s.host, s.gpu_uuid): s for s in samples if s.gpu_model or s.label}
    return [
        sample
        if sample.gpu_model or sample.label
        else SampleHour(
            sample.host,
            sample.gpu_uuid,
            sample.gpu_instance,
            other.gpu_model,
            sample.profile,
            other.label,
            sample.covered_ms,
            sample.busy_ms,
            sample.span_ms,
            sample.energy_j,
        )
        for sample in samples
        for other in [known.get((sample.host, sample.gpu_uuid), sample)]
    ]

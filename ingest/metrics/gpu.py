"""From data points to gpu_samples: the points of one GPU and one second become one row."""

from __future__ import annotations

from ingest.decode import quote
from ingest.metrics import gpu_names
from ingest.metrics.gpu_names import BOUNDS, NAMES, READINGS
from ingest.metrics.points import (
    ATTRIBUTES,
    EVERY_ONE,
    IN_TIME,
    NUMBER,
    NUMBERS,
    TIME_MS,
    entry_of,
    first_of,
    metrics,
    of_entry,
)

RATIOS = frozenset(name for name, (_, high) in BOUNDS.items() if high == 1.0)
DELTA = 1

# Units that senders put in place of the one that the table says.
FACTOR = """multiIf(
        scale != 1, scale,
        unit = '%' AND is_ratio, 0.01,
        unit = 'MiBy' AND endsWith(column, '_bytes'), 1048576,
        unit = 'mW' AND column = 'power_w', 0.001,
        unit = 'mJ' AND column = 'energy_j', 0.001,
        1)"""

RAW = f"""
    SELECT
        workspace_id, received_at_ms, segment_name, resource, scope_name, spelled,
        metric.unit AS unit,
        metric.sum.aggregation_temporality AS temporality,
        {ATTRIBUTES} AS a,
        {NUMBER} AS number,
        {TIME_MS} AS time_ms
    FROM ({metrics(NAMES)})
    ARRAY JOIN {NUMBERS} AS p
    {EVERY_ONE}"""  # noqa: S608 (our own text)

KNOWN = f"""
    SELECT
        *,
        {of_entry([r.column for r in READINGS])} AS column,
        {of_entry([r.scale for r in READINGS])} AS scale,
        {of_entry([float(r.column in RATIOS) for r in READINGS])} = 1 AS is_ratio,
        {of_entry([BOUNDS[r.column][0] for r in READINGS])} AS lowest,
        {of_entry([BOUNDS[r.column][1] for r in READINGS])} AS highest,
        {of_entry([float(r.of_card) for r in READINGS])} = 1 AS of_card,
        {of_entry([dialect for dialect, _ in gpu_names.BY_DIALECT])} AS table,
        {first_of(gpu_names.GPU_UUID)} AS gpu_uuid
    FROM (SELECT *, {entry_of(READINGS)} AS entry FROM ({RAW}) {EVERY_ONE})
    WHERE entry != 0 AND {IN_TIME}
    {EVERY_ONE}"""  # noqa: S608 (our own text)

POINTS = f"""
    SELECT
        *,
        number * {FACTOR} AS reading,
        toDateTime(intDiv(time_ms, 1000), 'UTC') AS at,
        {first_of(gpu_names.HOST, resource=gpu_names.HOST_OF_RESOURCE)} AS host,
        if(of_card, '', {first_of(gpu_names.GPU_INSTANCE)}) AS gpu_instance,
        toUInt32OrZero({first_of(gpu_names.PROCESS)}) AS process
    FROM ({KNOWN})
    WHERE gpu_uuid != ''
    {EVERY_ONE}"""  # noqa: S608 (our own text)

WHOLE_NUMBERS = {
    "memory_used_bytes": "UInt64",
    "memory_free_bytes": "UInt64",
    "memory_reserved_bytes": "UInt64",
    "memory_limit_bytes": "UInt64",
    "process_count": "UInt32",
}


def read_column(name: str) -> str:
    """Return the expression of one column: the largest reading, NULL where there is none."""
    condition = f"column = {quote(name)}"
    if name == "energy_j":
        condition += f" AND temporality != {DELTA}"
    largest = f"maxOrNullIf(reading, {condition})"
    kind = WHOLE_NUMBERS.get(name)
    return f"accurateCastOrNull(round({largest}), '{kind}')" if kind else largest


TEXTS = {
    "gpu_model": first_of(gpu_names.GPU_MODEL),
    "gpu_profile": f"if(of_card, '', {first_of(gpu_names.GPU_PROFILE)})",
    "pool": first_of(gpu_names.POOL, resource=gpu_names.POOL_OF_RESOURCE),
    "namespace": first_of(gpu_names.NAMESPACE),
    "pod": first_of(gpu_names.POD),
    "container": first_of(gpu_names.CONTAINER),
    "driver_version": first_of(gpu_names.DRIVER, resource=("hw.driver_version",)),
}
PROCESS_MEMORY = "process_memory_bytes"

COLUMNS = {
    "workspace_id": "workspace_id",
    "host": "host",
    "gpu_uuid": "gpu_uuid",
    "gpu_instance": "gpu_instance",
    "ts": "at",
    **{name: f"max({text})" for name, text in TEXTS.items()},
    **{name: read_column(name) for name in gpu_names.COLUMNS if name != PROCESS_MEMORY},
    "energy_delta_j": f"maxOrNullIf(reading, column = 'energy_j' AND temporality = {DELTA})",
    "process_memory": (
        f"maxMapIf(map(process, toUInt64(reading)), column = {quote(PROCESS_MEMORY)})"
    ),
    "window_s": f"max(toFloat32OrNull({first_of(gpu_names.WINDOW_S)}))",
    "dialect": "max(if(scope_name = 'inferledger', 'finops', table))",
    "segment": "max(segment_name)",
    "received_at": "max(fromUnixTimestamp64Milli(toInt64(received_at_ms), 'UTC'))",
}

LOAD_GPU = f"""
INSERT INTO gpu_samples ({", ".join(COLUMNS)})
SELECT
    {", ".join(COLUMNS.values())}
FROM ({POINTS})
WHERE reading BETWEEN lowest AND highest
GROUP BY workspace_id, host, gpu_uuid, gpu_instance, at
"""  # noqa: S608 (our own text)

"""From sealed segments of metrics to gpu_samples and serving_samples.

Both statements carry a deduplication token made of the batch, and both tables take a row that comes
again as the row that they have: a batch may be loaded as often as it takes.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.clickhouse.errors import QueryFailed
from ingest.again import token
from ingest.arrivals import record_points
from ingest.batch import Batch
from ingest.metrics import gpu_names, serving_names
from ingest.metrics.admission import UNKNOWN
from ingest.metrics.gpu import LOAD_GPU
from ingest.metrics.names import spell
from ingest.metrics.otlp import Metrics
from ingest.metrics.points import COUNT_POINTS, SETTINGS
from ingest.metrics.serving import LOAD_SERVING
from ingest.rehearsal import hidden
from ingest.segments import tally_files
from ingest.signal import Loaded, Signal, Undecodable, Unseen

GPU_SAMPLES = "gpu_samples"
SERVING_SAMPLES = "serving_samples"
STATEMENTS = {GPU_SAMPLES: LOAD_GPU, SERVING_SAMPLES: LOAD_SERVING}
NAMES = {GPU_SAMPLES: gpu_names.NAMES, SERVING_SAMPLES: serving_names.NAMES}
DIALECTS = {spell(reading.name): dialect for dialect, reading in gpu_names.BY_DIALECT} | {
    spell(measure.name): measure.system for measure in serving_names.MEASURES
}


def load_metrics(ch: Warehouse, batch: Batch, spool_in_clickhouse: str, _now: datetime) -> Loaded:
    """Bring a batch into its tables.

    Raises Undecodable or Unseen when the batch can't be read; WarehouseError for anything else, and
    then the same batch must be loaded again.
    """
    path = f"{spool_in_clickhouse}/{batch.glob}"
    requests, received = tally_files(batch.paths())
    rows: Counter[str] = Counter()
    try:
        points = count_points(ch, path, requests)
        for table, statement in STATEMENTS.items():
            if not NAMES[table].isdisjoint(points):
                settings = SETTINGS | token(batch, table)
                rows[table] = ch.command(statement, {"path": path}, settings=settings)
    except QueryFailed as error:
        raise Undecodable(str(error)) from error
    dialects: Counter[str] = Counter()
    for name, count in points.items():
        dialects[DIALECTS.get(name, UNKNOWN)] += count
    record_points(ch, batch, dialects)
    return Loaded(len(batch.names), received, rows=+rows, dialects=+dialects)


def count_points(ch: Warehouse, path: str, requests: int) -> dict[str, int]:
    """Return how many points there are of each metric; raises Unseen for a wrong path."""
    (row,) = ch.query(COUNT_POINTS, {"path": path}, settings=SETTINGS)
    if row["requests"] < requests:
        raise Unseen(
            f"ClickHouse sees {row['requests']} of {requests} requests at {path}: "
            "FINOPS_SPOOL_DIR_IN_CLICKHOUSE must name the spool as ClickHouse's file() sees it."
        )
    points: dict[str, int] = row["points"]
    return points


def rehearse(ch: Warehouse, path: str) -> None:
    """Load a file with the real statements into tables that hide the real ones."""
    with hidden(ch, GPU_SAMPLES, SERVING_SAMPLES):
        for statement in STATEMENTS.values():
            ch.command(statement, {"path": path}, settings=SETTINGS)


METRICS = Signal("metrics", "metrics", load_metrics, rehearse, Metrics)

"""GET /metrics: how the collector is, as Prometheus reads it.

Counters of the receiver are its own; those of the loaders come from the files that they leave in
the spool, since they are other processes. Numbers are of the whole installation, so only this
machine may read them, or who knows FINOPS_METRICS_TOKEN.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ingest.answer import Answer
from ingest.entrances import ENTRANCES
from ingest.errors import Unauthenticated
from ingest.loader import read_progress
from ingest.loaders import SIGNALS
from ingest.segments import measure

PATH = "/metrics"
PREFIX = "inferledger_ingest_"
HERE = ("127.0.0.1", "::1")
FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip")
# Counters of the receiver that have no label.
PLAIN = {
    "content_dropped": "Attributes with prompts, answers or documents that were dropped",
    "attributes_dropped": "Attributes that were too many or too large and were dropped",
    "clients_gone": "Connections that ended before their request did",
    "failed": "Requests on which the receiver itself failed",
}
LOADER = {
    "received": "Spans or points that the loader took from the spool",
    "segments": "Segments loaded",
    "postponed": "Batches that had to wait, mostly for ClickHouse",
}


class Exposition:
    """Tells the receiver's `counts` and what is in the spool."""

    def __init__(self, counts: Mapping[str, int], spool: Path, token: str = "") -> None:
        self.counts = counts
        self.spool = spool
        self.token = token

    async def __call__(self, scope: MutableMapping[str, Any]) -> Answer:
        """Answer a scrape; raises Unauthenticated for who may not read it."""
        self.check(scope)
        text = await asyncio.to_thread(expose, dict(self.counts), self.spool)
        return 200, [(b"content-type", CONTENT_TYPE_LATEST.encode())], text

    def check(self, scope: MutableMapping[str, Any]) -> None:
        """Let in who has the token or, where there is none, who is on this machine itself."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if self.token:
            given = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
            if hmac.compare_digest(given, self.token.encode()):
                return
        else:
            client = (scope.get("client") or ("",))[0]
            if client in HERE and not any(name in headers for name in FORWARDED):
                return
        raise Unauthenticated(
            "Send FINOPS_METRICS_TOKEN as a bearer token to read /metrics; while none is set, it "
            "is answered on this machine alone."
        )


def expose(counts: Mapping[str, int], spool: Path) -> bytes:
    """Return everything as Prometheus's text."""
    registry = CollectorRegistry()
    registry.register(Told(counts, spool))
    ProcessCollector(namespace="inferledger_receiver", registry=registry)
    return generate_latest(registry)


class Told(Collector):
    """The metrics of one answer."""

    def __init__(self, counts: Mapping[str, int], spool: Path) -> None:
        self.counts = counts
        self.spool = spool

    def collect(self) -> Iterator[Metric]:
        yield from receiver_metrics(self.counts)
        yield from spool_metrics(self.spool)
        yield from loader_metrics(self.spool)


def counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, labels=labels)


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=labels)


def receiver_metrics(counts: Mapping[str, int]) -> Iterator[Metric]:
    """What came in at the door, since the receiver started."""
    requests = counter("requests", "Requests that were acknowledged", "signal")
    size = counter("received_bytes", "Bytes of acknowledged requests on the wire", "signal")
    received = counter("received", "Spans, points or records that were taken", "signal")
    rejected = counter("rejected", "Those left out of requests that were taken", "signal")
    ignored = counter("ignored", "Those that are understood and not stored", "signal", "reason")
    refused = counter("refused_requests", "Requests that were refused", "signal", "reason")
    for entrance in ENTRANCES:
        signal, unit = entrance.name, entrance.unit
        requests.add_metric([signal], counts.get(f"requests_{signal}", 0))
        size.add_metric([signal], counts.get(f"bytes_{signal}", 0))
        received.add_metric([signal], counts.get(unit, 0))
        rejected.add_metric([signal], counts.get(f"{unit}_rejected", 0))
        for reason, number in named(counts, f"{unit}_ignored_"):
            ignored.add_metric([signal, reason], number)
        for reason, number in named(counts, f"refused_{signal}_"):
            refused.add_metric([signal, reason], number)
    for reason, number in named(counts, "refused_other_"):
        refused.add_metric(["", reason], number)
    yield from (requests, size, received, rejected, ignored, refused)
    for name, text in PLAIN.items():
        plain = counter(name, text)
        plain.add_metric([], counts.get(name, 0))
        yield plain


def named(counts: Mapping[str, int], prefix: str) -> Iterator[tuple[str, int]]:
    """Yield the rest of the name and the number of all counters that begin so."""
    for name in sorted(counts):
        if name.startswith(prefix):
            yield name.removeprefix(prefix), counts[name]


def spool_metrics(spool: Path) -> Iterator[Metric]:
    """What waits on disk."""
    segments = gauge("spool_segments", "Segments that wait to be loaded", "signal")
    size = gauge("spool_bytes", "Bytes that wait, those set aside included", "signal")
    age = gauge("spool_oldest_seconds", "Age of the oldest that waits; 0 for none", "signal")
    aside = gauge("quarantined_segments", "Segments that ClickHouse refuses", "signal")
    for signal in SIGNALS:
        depth = measure(signal.within(spool))
        waited_s = 0.0 if depth.oldest_ns is None else max(time.time() - depth.oldest_ns / 1e9, 0)
        segments.add_metric([signal.name], depth.segments)
        size.add_metric([signal.name], depth.bytes)
        age.add_metric([signal.name], waited_s)
        aside.add_metric([signal.name], depth.quarantined)
    yield from (segments, size, age, aside)


def loader_metrics(spool: Path) -> Iterator[Metric]:
    """What the loaders did since they started, as they write down every few seconds."""
    plain = {name: counter(f"loader_{name}", text, "signal") for name, text in LOADER.items()}
    rows = counter("loader_rows", "Rows written to ClickHouse", "signal", "table")
    ignored = counter("loader_ignored", "What became no row, by reason", "signal", "reason")
    dialects = counter("loader_stored", "Spans or points that were stored", "signal", "dialect")
    for signal in SIGNALS:
        told = read_progress(signal.within(spool))
        for name, family in plain.items():
            family.add_metric([signal.name], told.get(name, 0))
        for key, family in (("rows", rows), ("ignored", ignored), ("dialects", dialects)):
            for label, number in told.get(key, {}).items():
                family.add_metric([signal.name, label], number)
    yield from (*plain.values(), rows, ignored, dialects)

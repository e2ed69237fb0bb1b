"""When each recorded request of the demo arrives, counted back from the end of its hour."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

from finops.demo.thin import thin
from finops.demo.traces import AZURE, SERVEGEN
from finops.replay.readers import READERS
from finops.replay.readers.trace import TraceRequest

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Trace:
    """A file, its format, how many requests it holds and how many seconds lie before its last."""

    path: Path
    format: str
    requests: int
    span_s: float

    def read(self) -> Iterator[TraceRequest]:
        """Stream the requests; raises TraceError."""
        return READERS[self.format](self.path)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request and how many seconds before the end of the demo's traffic it arrived."""

    before_end_s: float
    request: TraceRequest


def measure(path: Path, trace_format: str) -> Trace:
    """Read a trace once from end to end, so that a broken line is found before anything is sent.

    Raises TraceError.
    """
    requests, span_s = 0, 0.0
    for request in READERS[trace_format](path):
        requests += 1
        span_s = max(span_s, request.arrival_s)
    return Trace(path, trace_format, requests, span_s)


def shipped_traces() -> tuple[Trace, ...]:
    """The recorded traffic that comes with the product."""
    return (measure(AZURE, "azure"), measure(SERVEGEN, "servegen"))


def arrivals(traces: Sequence[Trace], wanted: int) -> Iterator[Arrival]:
    """Yield about `wanted` requests of all traces together, in order of arrival.

    Fewer than recorded: each client is thinned by the same share. More: the traffic is played again
    in the hours before. Several traces are stretched to the longest one, so that they overlap in
    full: order and proportions of the gaps stay, their length doesn't. A single one keeps its own.
    """
    recorded = sum(trace.requests for trace in traces)
    laps = max(1, ceil(Fraction(wanted, recorded)))
    share = Fraction(wanted, recorded * laps)
    length_s = max(trace.span_s for trace in traces)
    lap_s = ceil(length_s / HOUR_S) * HOUR_S
    for lap in reversed(range(laps)):
        yield from heapq.merge(
            *(one_lap(trace, share, length_s, lap * lap_s) for trace in traces),
            key=lambda arrival: -arrival.before_end_s,
        )


def one_lap(trace: Trace, share: Fraction, length_s: float, later_s: float) -> Iterator[Arrival]:
    """One pass over one trace, whose last request arrives `later_s` before the end."""
    stretch = length_s / trace.span_s if trace.span_s else 1.0
    by_client: Callable[[TraceRequest], str] = lambda request: request.client  # noqa: E731
    for request in thin(trace.read(), share, by_client):
        yield Arrival(later_s + (trace.span_s - request.arrival_s) * stretch, request)

"""What came of a simulated workload."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from finops.engine.sequence import Sequence, State
from finops.engine.workload import Column

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Result:
    """Columns by request, in the order of the workload; times in ps since the start, −1 for never.

    `arrival_ps` is that of the first attempt, `first_ps` (first token) and `finish_ps` are those of
    the last. A request that was cut off ends at its deadline, or when its client went away; one
    that was never sent has no times and no attempts. `busy_ps` is the time in steps,
    `computed_tokens` all tokens computed, also again and for nothing.
    """

    arrival_ps: Column
    scheduled_ps: Column
    first_ps: Column
    finish_ps: Column
    output: Column
    status: Column
    attempts: Column
    cached: Column
    preempted: Column
    busy_ps: int
    start_ps: int
    end_ps: int
    steps: int
    computed_tokens: int

    @property
    def finished(self) -> NDArray[np.bool_]:
        """Which requests got their whole answer."""
        return np.equal(self.status, State.FINISHED)

    def ttft_s(self) -> Floats:
        """Seconds from arrival to first token, of finished requests."""
        return self._seconds(self.first_ps, self.arrival_ps)

    def e2e_s(self) -> Floats:
        """Seconds from arrival to last token, of finished requests."""
        return self._seconds(self.finish_ps, self.arrival_ps)

    def queue_s(self) -> Floats:
        """Seconds from arrival to the first step that computes any of it, of finished requests."""
        return self._seconds(self.scheduled_ps, self.arrival_ps)

    def tpot_s(self) -> Floats:
        """(end − first token) ÷ (tokens − 1), of finished requests of two tokens or more."""
        chosen = self.finished & (self.output > 1)
        span = (self.finish_ps - self.first_ps)[chosen]
        return span / 1e12 / (self.output[chosen] - 1)

    def _seconds(self, end: Column, start: Column) -> Floats:
        return (end - start)[self.finished] / 1e12

    @property
    def span_s(self) -> float:
        """Seconds from the first arrival to the last end."""
        return (self.end_ps - self.start_ps) / 1e12

    @property
    def utilisation(self) -> float:
        """Share of the span in which a step ran."""
        return self.busy_ps / max(1, self.end_ps - self.start_ps)

    @property
    def output_tokens_per_s(self) -> float:
        """Tokens of finished requests per second of the span."""
        return float(self.output[self.finished].sum()) / max(self.span_s, 1e-12)

    @property
    def requests_per_s(self) -> float:
        """Finished requests per second of the span."""
        return int(self.finished.sum()) / max(self.span_s, 1e-12)

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean, p50, p90, p95 and p99 in seconds of ttft, tpot, e2e and queue."""
        series = {"ttft": self.ttft_s(), "tpot": self.tpot_s()}
        series |= {"e2e": self.e2e_s(), "queue": self.queue_s()}
        return {name: percentiles(values) for name, values in series.items()}


def percentiles(values: Floats) -> dict[str, float]:
    """Mean and percentiles, interpolated linearly; empty for no values."""
    if not len(values):
        return {}
    marks = np.percentile(values, (50, 90, 95, 99))
    names = ("p50", "p90", "p95", "p99")
    return {"mean": float(values.mean()), **dict(zip(names, map(float, marks), strict=True))}


class Outcomes(TypedDict):
    """What a Ledger knows of a Result."""

    arrival_ps: Column
    scheduled_ps: Column
    first_ps: Column
    finish_ps: Column
    status: Column
    cached: Column
    preempted: Column


class Ledger:
    """Writes down what happens to each request."""

    def __init__(self, size: int) -> None:
        def blank(value: int) -> array[int]:
            return array("q", [value]) * size

        self.arrival, self.scheduled, self.first, self.finish = (blank(-1) for _ in range(4))
        self.status = blank(State.NOT_SENT)
        self.cached, self.preempted = blank(0), blank(0)

    def came(self, seq: Sequence) -> None:
        """An attempt has come; the first counts as the request's arrival."""
        if self.arrival[seq.index] < 0:
            self.arrival[seq.index] = seq.arrival

    def ended(self, seq: Sequence, time: int) -> None:
        """An attempt has ended at `time`."""
        index = seq.index
        self.scheduled[index] = seq.scheduled
        self.first[index] = seq.first
        self.finish[index] = time
        self.status[index] = seq.state
        if seq.cached:
            self.cached[index] = seq.cached
        if seq.preemptions:
            self.preempted[index] += seq.preemptions

    def columns(self) -> Outcomes:
        """The columns of a result."""
        return {
            "arrival_ps": column(self.arrival),
            "scheduled_ps": column(self.scheduled),
            "first_ps": column(self.first),
            "finish_ps": column(self.finish),
            "status": column(self.status),
            "cached": column(self.cached),
            "preempted": column(self.preempted),
        }


def column(numbers: array[int]) -> Column:
    """The numbers as a column, without a copy."""
    return np.frombuffer(numbers, np.int64)

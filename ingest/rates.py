"""How much a workspace may send: spans in a second, bytes in a second, spans in a request.

A bucket fills with time and holds at most `BURST_S` seconds of it. A request is let in while there
is anything in the bucket and may overdraw it, so that a large request gets in too; then the
workspace waits until the debt is paid. So a limited workspace is refused before its body is read,
which costs nearly nothing; requests that were let in beside each other are looked at again before
they are stored, so that one of them overdraws and not all. Each receiver counts for itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from finops.accounts.keys import KeyIdentity
from ingest.errors import RateLimited, TooLarge

BURST_S = 10.0
MAX_REMEMBERED = 10_000
MAX_RETRY_AFTER_S = 300
SPANS = "spans"
BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a workspace may send; 0 is without limit. Data points of metrics count as spans."""

    spans_per_second: int = 0
    bytes_per_second: int = 0
    spans_per_request: int = 0


@dataclass(slots=True)
class Bucket:
    """What a workspace may still send, in units of one kind; below 0 it has to wait."""

    rate: int
    level: float
    at: float

    def wait_s(self, now: float) -> float:
        """Fill up to `now`; return the seconds until there is something to take."""
        self.level = min(self.level + (now - self.at) * self.rate, self.rate * BURST_S)
        self.at = now
        return 0.0 if self.level > 0 else max(-self.level / self.rate, 1.0)


class Rates:
    """Counts what each workspace sends and refuses what is too much."""

    def __init__(self, default: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self.default = default
        self._clock = clock
        self._buckets: dict[tuple[int, str], Bucket] = {}

    def allowance(self, identity: KeyIdentity) -> Allowance:
        """Return what the key's workspace may send: its own limits, else those of the collector."""
        own = identity.ingest_limits
        if not own:
            return self.default
        default = self.default
        return Allowance(
            own.get("spans_per_second", default.spans_per_second),
            own.get("bytes_per_second", default.bytes_per_second),
            own.get("spans_per_request", default.spans_per_request),
        )

    def check(self, identity: KeyIdentity, *units: str) -> None:
        """Raise RateLimited while the workspace is over one of its limits, or that of some units.

        Requests that are read at the same time were all let in: whoever charges checks just before.
        """
        allowed = self.allowance(identity)
        for unit, rate in (
            (SPANS, allowed.spans_per_second),
            (BYTES, allowed.bytes_per_second),
        ):
            if not rate or (units and unit not in units):
                continue
            wait_s = self._bucket(identity, unit, rate).wait_s(self._clock())
            if wait_s:
                raise RateLimited(
                    f"The workspace {identity.workspace_slug} may send {rate:,} {unit} a second "
                    "and has sent more; send again later, or ask for a higher limit.",
                    min(math.ceil(wait_s), MAX_RETRY_AFTER_S),
                )

    def check_request(self, identity: KeyIdentity, spans: int) -> None:
        """Raise TooLarge when one request holds more spans than the workspace may send at once."""
        most = self.allowance(identity).spans_per_request
        if most and spans > most:
            raise TooLarge(
                f"The request has {spans} spans; the workspace {identity.workspace_slug} may send "
                f"{most} at once: make the exporter's batches smaller."
            )

    def charge(self, identity: KeyIdentity, spans: int, size: int) -> None:
        """Count what was sent; `size` is in bytes as they came over the wire."""
        allowed = self.allowance(identity)
        if allowed.spans_per_second:
            self._bucket(identity, SPANS, allowed.spans_per_second).level -= spans
        if allowed.bytes_per_second:
            self._bucket(identity, BYTES, allowed.bytes_per_second).level -= size

    def _bucket(self, identity: KeyIdentity, unit: str, rate: int) -> Bucket:
        key = (identity.workspace_id, unit)
        bucket = self._buckets.get(key)
        if bucket is None or bucket.rate != rate:
            if len(self._buckets) >= MAX_REMEMBERED:
                self._buckets.clear()
            bucket = Bucket(rate, rate * BURST_S, self._clock())
            self._buckets[key] = bucket
        return bucket

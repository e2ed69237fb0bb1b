"""What every request goes through, whichever way it came: HTTP or gRPC, protobuf or JSON.

The sender is identified and its rate checked before the body is read; the body is unpacked, cleaned
and spooled; and the caller may acknowledge when `take` returns, since then it is on disk.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO

from finops.accounts.keys import KeyIdentity
from ingest import json_pieces
from ingest.admission import Admission
from ingest.body import Held, Limits, Memory
from ingest.compression import decode
from ingest.entrances import Entrance
from ingest.errors import Busy, Refused, TooLarge
from ingest.identity import Identities
from ingest.json_pieces import JsonPieces
from ingest.otlp_json import to_protobuf
from ingest.pieces import PIECE_BYTES
from ingest.rates import SPANS, Allowance, Rates
from ingest.record import Stamp, encode
from ingest.refusals import REJECTED, Refusals
from ingest.spool import Spool, Waiting

# What all requests in work may hold together, but for the large one that is being unpacked.
MEMORY_BYTES = 24 * 1024**2


class Receipts:
    """Numbers for requests, rising, and unique in one receiver: the clock, never standing still."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._last = 0

    def next(self) -> int:
        """Return nanoseconds since 1970, later than any returned before."""
        self._last = max(self._last + 1, self._clock_ns())
        return self._last


class Writer:
    """Hands records of the loop's requests to a spool, and brings back that they are written.

    All requests of one turn of the loop go over together, and all of one commit come back together:
    what two threads do for each other costs as much as the rest of a small request.
    """

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self._waiting: list[Waiting] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def write(self, record: bytes) -> None:
        """Return when the record is on disk; raises Busy. One whose client goes away stays."""
        loop = self._loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._hand_over)
        self._waiting.append((record, written, self._tell))
        await written

    def _hand_over(self) -> None:
        batch, self._waiting = self._waiting, []
        for written, error in self.spool.append_all(batch):
            finish([written], error)

    def _tell(self, written: list[asyncio.Future[None]], error: Busy | None) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and its requests with it
                self._loop.call_soon_threadsafe(finish, written, error)


def finish(written: list[asyncio.Future[None]], error: Busy | None) -> None:
    for one in written:
        if one.done():
            continue  # the client went away; its record stays
        if error is None:
            one.set_result(None)
        else:
            one.set_exception(error)


class Intake:
    """Takes requests; `spools` by the name of their entrance, `counts` by stable names."""

    def __init__(
        self,
        spools: Mapping[str, Spool],
        identities: Identities,
        limits: Limits,
        rates: Rates | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self.identities = identities
        self.limits = limits
        self.rates = rates or Rates(Allowance())
        self.refusals = refusals or Refusals()
        self.memory = Memory(MEMORY_BYTES)
        self.receipts = Receipts()
        self.counts: Counter[str] = Counter()
        self.writers = {name: Writer(spool) for name, spool in spools.items()}
        self._large = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large")

    async def identify(self, entrance: Entrance, headers: Mapping[bytes, bytes]) -> KeyIdentity:
        """Return who sends; raises Unauthenticated, Forbidden, RateLimited or Busy."""
        identity = await self.identities.authenticate(headers)
        try:
            self.rates.check(identity)
        except Refused as error:
            self.tell(entrance, identity, error)
            raise
        return identity

    def tell(self, entrance: Entrance, identity: KeyIdentity, error: Refused) -> None:
        """Note for the sender's workspace why one of its requests is refused."""
        self.refusals.note(identity.workspace_id, entrance.name, error.reason, 1, str(error))

    async def take(
        self,
        entrance: Entrance,
        identity: KeyIdentity,
        body: bytes,
        encoding: bytes,
        held: Held,
        *,
        in_json: bool = False,
    ) -> Admission:
        """Store what one request holds; returns only when it is on disk. Raises Refused.

        A small body is unpacked at once. Large ones take turns in a thread, so that others are
        answered meanwhile, and only one of them is ever held unpacked.
        """
        self.rates.check(identity)
        # Whatever becomes of it: a refused body takes work too, and a client may leave meanwhile.
        self.rates.charge(identity, 0, len(body))
        small = self.decode_small(body, encoding)
        if small is not None:
            held.grow(len(small))
            admission = admit_body(entrance, small, in_json)
            await self.store(entrance, identity, admission)
        else:
            async with self._large:
                limit = self.limits.decoded_bytes
                admission = await asyncio.get_running_loop().run_in_executor(
                    self._thread,
                    lambda: admit_body(entrance, decode(body, encoding, limit), in_json),
                )
                await self.store(entrance, identity, admission)
        self.count(entrance, admission, len(body))
        if admission.rejected:
            self.refusals.note(
                identity.workspace_id,
                entrance.name,
                REJECTED,
                admission.rejected,
                admission.reason,
            )
        return admission

    def decode_small(self, body: bytes, encoding: bytes) -> bytes | None:
        """Unpack a body that stays small; None when it doesn't."""
        if len(body) > PIECE_BYTES:
            return None
        with suppress(TooLarge):
            return decode(body, encoding, min(PIECE_BYTES, self.limits.decoded_bytes))
        return None

    async def store(self, entrance: Entrance, identity: KeyIdentity, admission: Admission) -> None:
        self.rates.check_request(identity, admission.spans)
        self.rates.check(identity, SPANS)
        self.rates.charge(identity, admission.spans, 0)
        if not admission.spans or entrance.folder is None:
            return
        receipt = self.receipts.next()
        stamp = Stamp(identity.workspace_id, receipt, receipt // 1_000_000, admission.spans)
        record = encode(admission.body, stamp)
        admission.body = b""  # the record has it
        await self.writers[entrance.name].write(record)

    def count(self, entrance: Entrance, admission: Admission, size: int) -> None:
        counts, unit = self.counts, entrance.unit
        counts["requests"] += 1
        counts[f"requests_{entrance.name}"] += 1
        counts[f"bytes_{entrance.name}"] += size
        counts[unit] += admission.spans
        if admission.rejected or admission.content_dropped or admission.attributes_dropped:
            counts[f"{unit}_rejected"] += admission.rejected
            counts["content_dropped"] += admission.content_dropped
            counts["attributes_dropped"] += admission.attributes_dropped
        for reason, number in admission.ignored.items():
            counts[f"{unit}_ignored_{reason}"] += number

    def count_refusal(self, entrance: Entrance | None, error: Refused) -> None:
        """Count a refusal by signal and reason, and by its HTTP status."""
        self.counts[f"refused_{error.status}"] += 1
        name = entrance.name if entrance else "other"
        self.counts[f"refused_{name}_{error.reason}"] += 1


def admit_body(entrance: Entrance, body: bytes, in_json: bool) -> Admission:
    """Check and clean a body of either format."""
    if not in_json:
        return entrance.admit(body)
    request = entrance.request.DESCRIPTOR
    if len(body) <= json_pieces.PIECE_BYTES:
        return entrance.admit(to_protobuf(body, request))
    whole, kept = Admission(), BytesIO()
    pieces = JsonPieces(body)
    for piece in pieces:
        part = entrance.admit(to_protobuf(piece, request))
        kept.write(part.body)
        whole.add(part)
    whole.attributes_dropped += pieces.dropped
    whole.body = kept.getvalue()
    return whole

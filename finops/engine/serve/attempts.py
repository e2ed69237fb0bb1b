"""Which attempts are tries at one answer: what a client's own retries look like from here.

OpenAI's clients retry inside themselves. They number their tries (`x-stainless-retry-count`) and
repeat the same body, but send no key that says which request a try belongs to. So an attempt is of
the request that

1. it names: `X-Client-Request-Id` (OpenAI's own name for it) or `Idempotency-Key`, which an
   application passes in `extra_headers` and the client repeats; else
2. had its attempt n − 1 with the same body from the same client, is not answered yet, and is no
   older than `REMEMBERED_PS`. Of several equal ones it is the oldest; they can't be told apart, so
   the totals are right whichever it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

# The client's longest wait before a retry is two minutes, after a timeout of ten.
REMEMBERED_PS = 15 * 60 * 10**12
MOST_REMEMBERED = 10_000
RETRY_COUNT = b"x-stainless-retry-count"
NAMES = (b"x-client-request-id", b"idempotency-key")
LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Attempt:
    """The number of a try (0 is the first) at the answer that `request_id` stands for."""

    request_id: str
    number: int
    key: bytes = b""


@dataclass(slots=True)
class Open:
    """A request that isn't answered yet."""

    request_id: str
    number: int
    seen_ps: int


class Attempts:
    """Remembers requests that may be tried again; `draw` makes new ids."""

    def __init__(self, draw: Callable[[], str]) -> None:
        self.draw = draw
        self.open: OrderedDict[bytes, list[Open]] = OrderedDict()

    def place(self, headers: Mapping[bytes, bytes], client: str, body: bytes, now: int) -> Attempt:
        """Say which attempt of which request this is."""
        told = headers.get(RETRY_COUNT, b"")
        number = int(told) if told.isdigit() and len(told) < 4 else 0
        for name in NAMES:
            if named := headers.get(name, b"")[:LONGEST_NAME].decode("latin-1").strip():
                return Attempt(named, number)
        key = digest_of(client, headers, body)
        self._forget(now)
        known = self.open.setdefault(key, [])
        self.open.move_to_end(key)
        before = next((one for one in known if one.number == number - 1), None)
        if number == 0 or before is None:
            before = Open(self.draw(), number, now)
            known.append(before)
        before.number, before.seen_ps = number, now
        return Attempt(before.request_id, number, key)

    def answered(self, attempt: Attempt) -> None:
        """No more tries will follow."""
        known = self.open.get(attempt.key, [])
        left = [one for one in known if one.request_id != attempt.request_id]
        if left:
            self.open[attempt.key] = left
        else:
            self.open.pop(attempt.key, None)

    def _forget(self, now: int) -> None:
        while self.open:
            known = next(iter(self.open.values()))
            fresh = any(one.seen_ps > now - REMEMBERED_PS for one in known)
            if fresh and len(self.open) < MOST_REMEMBERED:
                return
            self.open.popitem(last=False)


def digest_of(client: str, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
    """Equal for equal bodies from one client; who that is, its address, key and package tell."""
    digest = blake2b(digest_size=16)
    for part in (
        client.encode(),
        headers.get(b"authorization", b""),
        headers.get(b"user-agent", b""),
        body,
    ):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()

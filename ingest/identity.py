"""Whose key a request carries, remembered for a few seconds.

An answer lives for `TTL_S`, so a revoked key is refused that much later at the latest. Keys are
remembered by their digest, known and unknown ones alike, and their number is bounded.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import DatabaseError, close_old_connections

from finops.accounts.keys import KeyIdentity, authenticate_key
from finops.accounts.models import Scope
from ingest.errors import Busy, Forbidden, Unauthenticated

TTL_S = 5.0
MAX_REMEMBERED = 10_000
MAX_LOOKUPS = 64
HEADERS = (b"x-inferledger-key", b"x-api-key")
BEARER = b"bearer "
MAX_KEY_BYTES = 200

Lookup = Callable[[str], KeyIdentity | None]


def look_up(secret: str) -> KeyIdentity | None:
    """Ask the database; for a thread of its own."""
    close_old_connections()
    try:
        return authenticate_key(secret, now=datetime.now(UTC))
    finally:
        close_old_connections()


def key_of(headers: Mapping[bytes, bytes]) -> str:
    """Return the key that the headers carry; raises Unauthenticated when there is none."""
    given = headers.get(b"authorization", b"")
    if given[: len(BEARER)].lower() == BEARER:
        given = given[len(BEARER) :].strip()
    else:
        given = next((headers[name].strip() for name in HEADERS if name in headers), b"")
    if not given or len(given) > MAX_KEY_BYTES:
        raise Unauthenticated("Send an API key with the scope ingest: Authorization: Bearer ilk_…")
    return given.decode("latin-1")


class Identities:
    """Answers who a key belongs to, with at most one look-up per key and `TTL_S`."""

    def __init__(
        self, look_up: Lookup = look_up, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._known: dict[bytes, tuple[float, KeyIdentity | None]] = {}
        self._asked: dict[bytes, asyncio.Task[KeyIdentity | None]] = {}
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="keys")

    async def authenticate(self, headers: Mapping[bytes, bytes]) -> KeyIdentity:
        """Return whose request it is; raises Unauthenticated, Forbidden or Busy."""
        secret = key_of(headers)
        digest = hashlib.sha256(secret.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._clock() < known[0]:
            identity = known[1]
        else:
            identity = await self._ask(digest, secret)
        if identity is None:
            raise Unauthenticated("This API key is unknown or revoked.")
        if not identity.may(Scope.INGEST):
            raise Forbidden("This API key may not send traces: it lacks the scope ingest.")
        return identity

    async def _ask(self, digest: bytes, secret: str) -> KeyIdentity | None:
        task = self._asked.get(digest)
        if task is None:
            if len(self._asked) >= MAX_LOOKUPS:
                raise Busy("Too many keys are being checked at once; send again.", 1)
            task = asyncio.create_task(self._find(digest, secret))
            self._asked[digest] = task
        try:
            # A client that goes away must not cancel the look-up that others wait for.
            return await asyncio.shield(task)
        except DatabaseError as error:
            raise Busy("API keys can't be checked just now; send again.", 5) from error

    async def _find(self, digest: bytes, secret: str) -> KeyIdentity | None:
        try:
            asked_at = self._clock()
            loop = asyncio.get_running_loop()
            identity = await loop.run_in_executor(self._threads, self._look_up, secret)
            if len(self._known) >= MAX_REMEMBERED:
                self._forget_old()
            self._known[digest] = (asked_at + TTL_S, identity)
            return identity
        finally:
            del self._asked[digest]

    def _forget_old(self) -> None:
        now = self._clock()
        fresh = {digest: entry for digest, entry in self._known.items() if now < entry[0]}
        self._known = {} if len(fresh) >= MAX_REMEMBERED else fresh

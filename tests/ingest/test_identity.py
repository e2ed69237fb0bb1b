"""Keys are remembered for a few seconds, and no longer."""

from __future__ import annotations

import asyncio

import pytest
from django.db import OperationalError

from finops.accounts.keys import KeyIdentity
from ingest.errors import Busy, Forbidden, Unauthenticated
from ingest.identity import MAX_REMEMBERED, TTL_S, Identities, key_of

ALICE = KeyIdentity(1, 11, "alice", frozenset({"ingest"}))
READER = KeyIdentity(2, 11, "alice", frozenset({"read", "admin"}))


class Keys:
    """A key store that counts how often it is asked."""

    def __init__(self, **keys: KeyIdentity) -> None:
        self.keys = keys
        self.asked: list[str] = []
        self.now = 100.0

    def look_up(self, secret: str) -> KeyIdentity | None:
        self.asked.append(secret)
        return self.keys.get(secret)

    def identities(self) -> Identities:
        return Identities(self.look_up, lambda: self.now)


def bearer(secret: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + secret.encode()}


def test_a_key_is_looked_up_once_while_it_is_fresh() -> None:
    keys = Keys(a=ALICE)

    async def ask() -> None:
        identities = keys.identities()
        for _ in range(3):
            assert await identities.authenticate(bearer("a")) == ALICE

    asyncio.run(ask())
    assert keys.asked == ["a"]


def test_a_revoked_key_is_refused_when_what_was_remembered_is_old() -> None:
    keys = Keys(a=ALICE)

    async def ask() -> None:
        identities = keys.identities()
        await identities.authenticate(bearer("a"))
        del keys.keys["a"]
        keys.now += TTL_S
        with pytest.raises(Unauthenticated):
            await identities.authenticate(bearer("a"))

    asyncio.run(ask())
    assert TTL_S < 10


def test_an_unknown_key_is_remembered_too() -> None:
    keys = Keys()

    async def ask() -> None:
        identities = keys.identities()
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                await identities.authenticate(bearer("nobody"))

    asyncio.run(ask())
    assert keys.asked == ["nobody"]


def test_requests_at_the_same_time_share_one_look_up() -> None:
    keys = Keys(a=ALICE)

    async def ask() -> list[KeyIdentity]:
        identities = keys.identities()
        return await asyncio.gather(*(identities.authenticate(bearer("a")) for _ in range(20)))

    assert asyncio.run(ask()) == [ALICE] * 20
    assert keys.asked == ["a"]


def test_a_key_without_the_scope_may_not_send() -> None:
    keys = Keys(r=READER)
    with pytest.raises(Forbidden):
        asyncio.run(keys.identities().authenticate(bearer("r")))


def test_a_flood_of_wrong_keys_is_not_all_remembered() -> None:
    keys = Keys(a=ALICE)

    async def ask() -> Identities:
        identities = keys.identities()
        for number in range(MAX_REMEMBERED + 10):
            with pytest.raises(Unauthenticated):
                await identities.authenticate(bearer(f"wrong-{number}"))
        await identities.authenticate(bearer("a"))
        return identities

    assert len(asyncio.run(ask())._known) <= MAX_REMEMBERED


def test_a_database_that_is_away_means_try_again() -> None:
    def away(secret: str) -> KeyIdentity | None:
        raise OperationalError("no database")

    with pytest.raises(Busy):
        asyncio.run(Identities(away).authenticate(bearer("a")))


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer k"},
        {b"authorization": b"bearer  k "},
        {b"x-api-key": b"k"},
        {b"x-inferledger-key": b"k"},
    ],
)
def test_a_key_is_found_in_each_of_the_usual_headers(headers: dict[bytes, bytes]) -> None:
    assert key_of(headers) == "k"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b"Bearer "},
        {b"authorization": b"Basic abc"},
        {b"x-api-key": b"k" * 1000},
    ],
)
def test_no_key_or_an_absurd_one_is_refused(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unauthenticated):
        key_of(headers)

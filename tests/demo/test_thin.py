"""Thinning recorded traffic: every client stays, in proportion and in order."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from finops.demo.thin import thin


def test_every_second_request_of_each_client_stays_from_its_first_on() -> None:
    arrivals = ["a1", "b1", "a2", "a3", "b2", "a4", "c1"]
    kept = list(thin(arrivals, Fraction(1, 2), lambda name: name[0]))
    assert kept == ["a1", "b1", "a3", "c1"]


def test_a_share_of_one_keeps_all() -> None:
    assert list(thin("abcabc", Fraction(1), lambda name: name)) == list("abcabc")


@given(st.lists(st.sampled_from("abc")), st.fractions(Fraction(1, 50), 1))
def test_each_client_keeps_its_share_rounded_up(clients: list[str], share: Fraction) -> None:
    arrivals = list(enumerate(clients))
    kept = list(thin(arrivals, share, lambda arrival: arrival[1]))
    assert kept == sorted(kept)
    assert Counter(client for _, client in kept) == {
        client: ceil(count * share) for client, count in Counter(clients).items()
    }

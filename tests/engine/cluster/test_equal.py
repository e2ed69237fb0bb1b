"""Fast and step by step are the same to the bit, whatever the cluster."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from finops.engine.cluster import simulate_cluster
from tests.engine.cluster.drawn import Case, cases, escalated, plain, split
from tests.engine.drawn import difference

many = settings(max_examples=150, deadline=None)


def check_fast(case: Case) -> None:
    fast, slow = simulate_cluster(*case), simulate_cluster(*case, fast=False)
    assert difference(fast, slow) == []


@given(plain())
@settings(max_examples=300, deadline=None)
def test_groups_of_replicas_fast_are_the_same_as_step_by_step(case: Case) -> None:
    check_fast(case)


@given(escalated())
@many
def test_escalation_fast_is_the_same_as_step_by_step(case: Case) -> None:
    check_fast(case)


@given(split())
@many
def test_prefill_and_decode_apart_fast_are_the_same_as_step_by_step(case: Case) -> None:
    check_fast(case)


@pytest.mark.soak
@given(cases())
@settings(max_examples=1_500, deadline=None)
def test_any_cluster_fast_is_the_same_as_step_by_step(case: Case) -> None:
    check_fast(case)

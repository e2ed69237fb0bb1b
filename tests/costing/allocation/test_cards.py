"""MIG instances as parts of their card, by compute slices."""

from __future__ import annotations

import pytest

from finops.costing.allocation.cards import HOUR_MS, TICKS, SampleHour, see, slices_of

HOUR = HOUR_MS * TICKS


def instance(number: str, profile: str, busy: float, covered_ms: int = HOUR_MS) -> SampleHour:
    return SampleHour(
        "node-1", "GPU-a", number, "NVIDIA H100", profile,
        covered_ms=covered_ms, busy_ms=int(covered_ms * busy), span_ms=covered_ms,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "model", "slices"),
    [
        ("1g.10gb", "NVIDIA H100 80GB HBM3", (1, 7)),
        ("1g.10gb+me", "NVIDIA H100", (1, 7)),
        ("MIG 3g.40gb", "NVIDIA A100", (3, 7)),
        ("7g.80gb", "NVIDIA H100", (7, 7)),
        ("2g.12gb", "NVIDIA A30", (2, 4)),
        ("1c.3g.40gb", "NVIDIA H100", (1, 7)),
        ("", "NVIDIA H100 80GB HBM3 MIG 2g.20gb", (2, 7)),
        ("", "NVIDIA H100 80GB HBM3", None),
    ],
)
def test_a_profile_says_its_slices(
    profile: str, model: str, slices: tuple[int, int] | None
) -> None:
    assert slices_of(profile, model) == slices


def test_instances_weigh_by_their_slices_and_empty_slices_are_idle() -> None:
    seen = see([instance("1", "3g.40gb", 1.0), instance("2", "2g.20gb", 0.5)])
    assert (seen.gpus, seen.covered_ticks) == (1, HOUR)
    assert seen.busy_ticks == HOUR * (3 + 1) // 7


def test_the_slices_of_a_silent_instance_are_not_observed() -> None:
    seen = see([instance("1", "3g.40gb", 1.0), instance("2", "4g.40gb", 1.0, HOUR_MS // 2)])
    assert seen.covered_ticks == HOUR * 5 // 7


def test_instances_of_unknown_profile_share_the_card_in_equal_parts() -> None:
    seen = see([instance("1", "", 1.0), instance("2", "", 0.0)])
    assert (seen.covered_ticks, seen.busy_ticks) == (HOUR, HOUR // 2)


def test_a_card_with_instances_isnt_counted_a_second_time() -> None:
    card = SampleHour("node-1", "GPU-a", covered_ms=HOUR_MS, busy_ms=HOUR_MS, energy_j=900)
    seen = see([card, instance("1", "7g.80gb", 0.5)])
    assert (seen.gpus, seen.busy_ticks, seen.energy_j) == (1, HOUR // 2, 900)


def test_a_card_that_was_cut_up_anew_is_never_more_than_a_card() -> None:
    seen = see([instance(str(n), "7g.80gb", 1.0, HOUR_MS * 2 // 3) for n in range(2)])
    assert (seen.covered_ticks, seen.busy_ticks) == (HOUR, HOUR)

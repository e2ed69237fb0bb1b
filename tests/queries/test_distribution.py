"""What a histogram tells of the values that it counted."""

from __future__ import annotations

import pytest

from finops.queries.distribution import Distribution, merge

# 10 values up to 1, 30 more up to 2, 10 more up to 4, and 10 above.
SPREAD = Distribution((1.0, 2.0, 4.0), (10.0, 40.0, 50.0), 60.0, 120.0)


def test_the_mean_is_that_of_the_values() -> None:
    assert SPREAD.mean == 2.0
    assert Distribution((1.0,), (3.0,), 3.0, None).mean is None
    assert Distribution().mean is None


@pytest.mark.parametrize(
    ("share", "value"), [(10 / 60, 1.0), (0.5, 1 + 20 / 30), (45 / 60, 3.0), (0.99, 4.0)]
)
def test_a_quantile_lies_within_its_bucket(share: float, value: float) -> None:
    assert SPREAD.quantile(share) == pytest.approx(value)


def test_nothing_has_no_quantile() -> None:
    assert Distribution().quantile(0.5) is None


def test_distributions_of_the_same_bounds_add_up() -> None:
    assert merge([SPREAD, SPREAD]) == Distribution(
        (1.0, 2.0, 4.0), (20.0, 80.0, 100.0), 120.0, 240.0
    )


def test_other_bounds_are_read_between_the_lines() -> None:
    coarse = Distribution((2.0,), (10.0,), 10.0, 10.0)
    assert merge([SPREAD, coarse]) == Distribution((1.0, 2.0, 4.0), (15.0, 50.0, 60.0), 70.0, 130.0)


def test_without_one_sum_there_is_no_sum() -> None:
    assert merge([SPREAD, Distribution((1.0,), (1.0,), 1.0, None)]).total is None

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.palette import COLOURS, colours

NAMES = st.sets(st.text(max_size=20), max_size=COLOURS)


@given(NAMES)
def test_up_to_eight_names_have_eight_different_colours(names: set[str]) -> None:
    given_colours = colours(names)
    assert set(given_colours) == names
    assert len(set(given_colours.values())) == len(names)
    assert set(given_colours.values()) <= set(range(1, COLOURS + 1))


@given(st.lists(st.text(max_size=20), max_size=12))
def test_the_order_of_the_names_changes_nothing(names: list[str]) -> None:
    assert colours(names) == colours(reversed(names))


def test_a_name_alone_always_has_the_same_colour() -> None:
    assert colours(["gpt-4o"]) == colours(["gpt-4o", "gpt-4o"]) == {"gpt-4o": 8}

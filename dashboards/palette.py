"""Which of the eight series colours a name has: the same one wherever it can be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

COLOURS = 8
REST = 0  # the neutral colour of all others together


def colours(names: Iterable[str]) -> dict[str, int]:
    """Give each name a colour from 1 to 8: its own by hash, the next free one where that is taken.

    So a name keeps its colour from page to page, and no two of up to eight names share one.
    """
    given: dict[str, int] = {}
    for name in sorted(set(names)):
        own = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % COLOURS
        taken = set(given.values())
        tries = [(own + step) % COLOURS + 1 for step in range(COLOURS)]
        given[name] = next((colour for colour in tries if colour not in taken), own + 1)
    return given

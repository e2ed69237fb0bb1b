"""Keep a share of recorded traffic without changing what it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")


def thin(requests: Iterable[T], share: Fraction, client_of: Callable[[T], str]) -> Iterator[T]:
    """Yield `share` (0 to 1) of each client's requests, evenly spaced, in their order.

    Of a client's n requests, ceil(n x share) stay, its first one always: no client disappears, and
    the clients keep their proportions to within one request.
    """
    seen: Counter[str] = Counter()
    kept, of = share.as_integer_ratio()
    for request in requests:
        client = client_of(request)
        turn = seen[client]
        seen[client] += 1
        # whole numbers only: ceil((turn + 1) x share) > ceil(turn x share)
        if -(-(turn + 1) * kept // of) > -(-turn * kept // of):
            yield request

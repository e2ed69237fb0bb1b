"""The small model first: what it fails at goes to the large one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Escalation:
    """Requests at which the `small` group fails (`fails`, by request) go on to the `large` group.

    The failure is known `check_ps` after the small model's last token: a judge or a test reads the
    whole answer. The large model starts from the prompt. Both attempts take time and replicas; the
    request succeeds once. Its client's patience starts with the first attempt.
    """

    small: str
    large: str
    fails: Flags
    check_ps: int = 0


def failures(size: int, share: float, seed: int) -> Flags:
    """Which of `size` requests fail if each does with a chance of `share`, drawn from `seed`."""
    return np.random.default_rng(seed).random(size) < share

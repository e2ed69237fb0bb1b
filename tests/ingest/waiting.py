"""Waiting for what other processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(ready: Callable[[], bool], timeout_s: float = 120) -> None:
    """Wait for something that other processes bring about."""
    until = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.02)

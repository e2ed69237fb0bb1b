"""What the SDK's tests share: a quiet environment and servers on loopback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The fakes are plain modules, importable when the SDK is tested on its own too.
sys.path.insert(0, str(Path(__file__).parent / "fakes"))

from collector import Collector
from provider import Provider

import inferledger
from inferledger import _log


@pytest.fixture(autouse=True)
def _fresh_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("INFERLEDGER_", "OTEL_"))]:
        monkeypatch.delenv(name)
    _log.forget()
    yield
    inferledger.shutdown(timeout_s=0.1)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from collector import Collector

import inferledger
from inferledger.testing import Captured, capture


@inferledger.track(provider="p", model="m")
def ask() -> None: ...


def test_the_same_program_gives_the_same_calls_every_time() -> None:
    def program() -> object:
        with capture() as captured, inferledger.action("a", tenant="acme"), inferledger.request():
            ask()
            captured.clock.advance(ms=2.5)
            ask()
        return captured.calls

    assert program() == program()


def test_the_clock_stands_still_until_it_is_moved(inferledger_capture: Captured) -> None:
    ask()
    inferledger_capture.clock.advance(ms=1500)
    ask()

    first, second = inferledger_capture.calls
    assert first["started_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert second["started_at"] - first["started_at"] == timedelta(milliseconds=1500)


def test_nothing_is_sent_while_capturing_and_sending_goes_on_after(collector: Collector) -> None:
    inferledger.init(collector.endpoint, "key")
    with capture() as captured:
        ask()
    ask()
    assert inferledger.flush()

    assert len(captured.calls) == 1
    assert len(collector.spans) == 1


def test_capturing_nests(inferledger_capture: Captured) -> None:
    with capture() as inner:
        ask()
    ask()

    assert len(inner.calls) == 1
    assert len(inferledger_capture.calls) == 1


def test_capturing_ends_with_an_exception_too(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError), capture() as captured:
        raise KeyError
    ask()

    assert captured.calls == []
    assert "init() was not called" in caplog.text

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from collector import Collector

import inferledger

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record() -> None:
    inferledger.record(provider="p", model="m", started_at=NOW, ended_at=NOW)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_without_init_nothing_is_recorded_and_one_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    record()
    record()

    assert lines(caplog) == ["inferledger: init() was not called, so calls are not recorded"]


def test_without_a_key_nothing_is_recorded_and_one_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inferledger.init()
    record()

    assert lines(caplog) == [
        "inferledger: no API key (INFERLEDGER_API_KEY), so calls are not recorded"
    ]


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_disabled_means_that_nothing_is_sent(
    value: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERLEDGER_DISABLED", value)
    inferledger.init(collector.endpoint, "key")
    record()
    inferledger.flush()

    assert collector.requests == []


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://host", "http://", "http://[::1"])
def test_an_endpoint_that_cannot_be_used_is_said_and_not_raised(
    endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    inferledger.init(endpoint, "key")
    record()

    assert len(lines(caplog)) == 1
    assert inferledger.flush()


def test_settings_are_read_from_the_environment(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERLEDGER_ENDPOINT", collector.endpoint + "/")
    monkeypatch.setenv("INFERLEDGER_API_KEY", " from-environment\n")
    monkeypatch.setenv("INFERLEDGER_SERVICE", "svc")
    monkeypatch.setenv("INFERLEDGER_ENVIRONMENT", "staging")
    inferledger.init()
    record()
    assert inferledger.flush()

    assert collector.requests[0].headers["Authorization"] == "Bearer from-environment"
    resource = collector.spans[0]["resource"]
    assert resource["service.name"] == "svc"
    assert resource["deployment.environment.name"] == "staging"


def test_arguments_win_over_the_environment(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERLEDGER_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("INFERLEDGER_API_KEY", "other")
    inferledger.init(collector.endpoint, "mine", tenant="acme", team="platform")
    record()
    assert inferledger.flush()

    assert collector.requests[0].headers["Authorization"] == "Bearer mine"
    assert collector.spans[0]["attributes"]["finops.tenant.id"] == "acme"
    assert collector.spans[0]["attributes"]["finops.team"] == "platform"


def test_a_second_init_sends_what_waits_and_starts_anew(collector: Collector) -> None:
    with Collector() as second:
        inferledger.init(collector.endpoint, "key")
        record()
        inferledger.init(second.endpoint, "key")
        record()
        assert inferledger.flush()

        assert len(collector.spans) == 1
        assert len(second.spans) == 1


def test_after_shutdown_nothing_is_recorded_and_nothing_said(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    inferledger.init(collector.endpoint, "key")
    record()
    assert inferledger.shutdown()
    record()

    assert len(collector.spans) == 1
    assert lines(caplog) == []


def test_a_key_that_would_travel_unencrypted_is_said(caplog: pytest.LogCaptureFixture) -> None:
    inferledger.init("http://collector.invalid:4318", "key")

    assert "travels unencrypted to collector.invalid" in caplog.text

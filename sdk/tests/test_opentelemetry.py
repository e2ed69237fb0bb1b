"""Beside an application's own OpenTelemetry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from collector import Collector
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import inferledger
from inferledger.testing import Captured

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@inferledger.track(provider="p", model="m")
def ask() -> None: ...


def test_a_call_joins_the_trace_that_is_current(inferledger_capture: Captured) -> None:
    tracer = TracerProvider().get_tracer("app")
    with tracer.start_as_current_span("request") as span, inferledger.action("a"):
        ask()

    context = span.get_span_context()
    [call] = inferledger_capture.calls
    assert call["trace_id"] == f"{context.trace_id:032x}"
    assert call["parent_span_id"] == f"{context.span_id:016x}"


def test_a_span_opened_inside_a_tracked_call_is_the_parent_of_what_it_holds(
    inferledger_capture: Captured,
) -> None:
    tracer = TracerProvider().get_tracer("app")
    spans = []

    @inferledger.track(provider="p", model="outer")
    def agent() -> None:
        with tracer.start_as_current_span("step") as span:
            spans.append(span.get_span_context())
            ask()

    with tracer.start_as_current_span("request"):
        agent()

    inner, outer = inferledger_capture.calls
    assert inner["parent_span_id"] == f"{spans[0].span_id:016x}"
    assert inner["trace_id"] == outer["trace_id"]


def test_a_trace_that_is_not_sampled_is_counted_all_the_same(
    inferledger_capture: Captured,
) -> None:
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("app")
    with tracer.start_as_current_span("request"):
        ask()

    assert len(inferledger_capture.calls) == 1


def test_a_call_is_not_current_for_the_application_s_own_spans(
    inferledger_capture: Captured,
) -> None:
    @inferledger.track(provider="p", model="m")
    def look() -> bool:
        return trace.get_current_span().get_span_context().is_valid

    assert not look()


def test_settings_of_opentelemetry_do_not_thin_out_the_ledger(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=pod-1")
    before = trace.get_tracer_provider()
    inferledger.init(collector.endpoint, "key")
    inferledger.record(provider="p", model="m", started_at=NOW, ended_at=NOW)
    assert inferledger.flush()

    assert trace.get_tracer_provider() is before
    assert len(collector.spans[0]["attributes"]) > 1
    assert collector.spans[0]["resource"]["k8s.pod.name"] == "pod-1"

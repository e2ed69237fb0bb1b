"""Real senders: OpenTelemetry's own exporter, and our SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import inferledger
from finops.accounts.keys import KeyIdentity
from finops.clickhouse.client import Warehouse
from ingest.errors import Busy
from tests.ingest.loading import NOW, calls, load_all
from tests.ingest.serving import KEY, Serving, serving, stored


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path) as running:
        yield running


def drain(receiver: Serving) -> None:
    """Seal what was received."""
    receiver.intake.writers["traces"].spool.close()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_opentelemetrys_exporter(
    ch: Warehouse, receiver: Serving, compression: Compression
) -> None:
    exporter = OTLPSpanExporter(
        endpoint=f"http://127.0.0.1:{receiver.port}/v1/traces",
        headers={"Authorization": f"Bearer {KEY}"},
        compression=compression,
    )
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("my.instrumentation", "2.1")
    with tracer.start_as_current_span("answer ticket"):
        with tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attributes(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": "openai",
                    "gen_ai.request.model": "gpt-4o",
                    "gen_ai.response.finish_reasons": ["stop"],
                    "gen_ai.usage.input_tokens": 11,
                    "gen_ai.usage.output_tokens": 7,
                    "gen_ai.input.messages": "secret",
                }
            )
        with pytest.raises(TimeoutError), tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attribute("gen_ai.request.model", "gpt-4o")
            raise TimeoutError("too slow")
    provider.shutdown()
    drain(receiver)
    load_all(ch, receiver.folder)
    good, failed = sorted(calls(ch), key=lambda call: call["outcome"])
    assert (good["input_tokens"], good["output_tokens"], good["finish_reason"]) == (11, 7, "stop")
    assert (good["service"], good["emitter"]) == ("shop", "my.instrumentation@2.1")
    assert good["parent_span_id"] == failed["parent_span_id"] != bytes(8)
    assert (failed["outcome"], failed["error_type"]) == ("timeout", "TimeoutError")


def test_our_sdk(ch: Warehouse, receiver: Serving) -> None:
    inferledger.init(f"http://127.0.0.1:{receiver.port}", KEY, service="shop", tenant="acme")
    try:
        with inferledger.action("answer ticket", user_id="u-1", plan="gold"):
            inferledger.record(
                provider="openai",
                model="gpt-4o",
                started_at=NOW,
                ended_at=NOW + timedelta(seconds=2),
                usage=inferledger.Usage(input=100, cache_read=40, output=20),
            )
        assert inferledger.flush()
    finally:
        inferledger.shutdown()
    drain(receiver)
    load_all(ch, receiver.folder)
    (call,) = calls(ch)
    assert (call["dialect"], call["tenant"], call["user_id"]) == ("finops", "acme", "u-1")
    assert (call["action_name"], call["tags"]) == ("answer ticket", {"plan": "gold"})
    assert (call["input_tokens"], call["cache_read_tokens"], call["output_tokens"]) == (100, 40, 20)
    assert (call["started_at"], call["duration_ms"]) == (NOW, 2000.0)
    assert (call["service"], call["outcome"], call["workspace_id"]) == ("shop", "ok", 42)


@pytest.mark.parametrize("compression", list(grpc.Compression))
def test_opentelemetrys_exporter_over_grpc(
    receiver: Serving, compression: grpc.Compression
) -> None:
    exporter = GrpcSpanExporter(
        endpoint=f"127.0.0.1:{receiver.grpc_port}",
        insecure=True,
        headers={"authorization": f"Bearer {KEY}"},
        compression=compression,
    )
    assert exporter.export(one_span()) is SpanExportResult.SUCCESS
    exporter.shutdown()
    (record,) = stored(receiver.folder)
    assert record.stamp.spans == 1


@pytest.mark.parametrize("way", ["http", "grpc"])
def test_exporters_send_again_what_they_were_told_to(receiver: Serving, way: str) -> None:
    take, refusals = receiver.intake.rates.check, [1, 1]

    def check(identity: KeyIdentity, *units: str) -> None:
        if refusals:
            raise Busy("not now", refusals.pop())
        take(identity, *units)

    receiver.intake.rates.check = check  # type: ignore[method-assign]
    exporter: SpanExporter = (
        OTLPSpanExporter(
            endpoint=f"http://127.0.0.1:{receiver.port}/v1/traces",
            headers={"Authorization": f"Bearer {KEY}"},
        )
        if way == "http"
        else GrpcSpanExporter(
            endpoint=f"127.0.0.1:{receiver.grpc_port}",
            insecure=True,
            headers={"authorization": f"Bearer {KEY}"},
        )
    )
    assert exporter.export(one_span()) is SpanExportResult.SUCCESS
    exporter.shutdown()
    assert len(stored(receiver.folder)) == 1
    assert receiver.intake.counts["refused_traces_busy"] == 2


def one_span() -> list[ReadableSpan]:
    """Return a span that has ended."""
    span = TracerProvider().get_tracer("t").start_span("chat")
    span.end()
    assert isinstance(span, ReadableSpan)
    return [span]

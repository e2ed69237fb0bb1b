from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from collector import Answer, Collector
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

import inferledger
from inferledger import Usage, _send
from inferledger._span import Span

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "ilk_test_secret"


def record(number: int = 0) -> None:
    inferledger.record(
        provider="openai",
        model="gpt-4o",
        started_at=START,
        ended_at=START + timedelta(seconds=1),
        usage=Usage(input=number, output=2),
        finish_reason="stop",
        outcome="ok",
    )


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within 30 s")


def span(number: int) -> Span:
    return Span("chat", 1, number + 1, 0, 1, 2, failed=False, attributes={"number": number})


def sent_numbers(collector: Collector) -> list[int]:
    return [span["attributes"]["number"] for span in collector.spans]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_send, "_FIRST_WAIT_S", 0.01)


def test_a_call_arrives_as_an_otlp_span(collector: Collector) -> None:
    inferledger.init(collector.endpoint, KEY, service="tickets", environment="prod")
    with inferledger.request("r-1"):
        record(8)
    assert inferledger.flush()

    [request] = collector.requests
    assert request.path == "/v1/traces"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/x-protobuf"
    assert request.headers["Content-Encoding"] == "gzip"
    [sent] = collector.spans
    assert sent["name"] == "chat gpt-4o"
    assert sent["kind"] == 3  # client
    assert sent["status"] == 0
    assert sent["start_ns"] == 1_772_366_400_000_000_000
    assert sent["end_ns"] == 1_772_366_401_000_000_000
    assert sent["scope"] == ("inferledger", inferledger.__version__)
    assert sent["resource"]["service.name"] == "tickets"
    assert sent["resource"]["deployment.environment.name"] == "prod"
    assert sent["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 8,
        "gen_ai.usage.output_tokens": 2,
        "finops.usage.source": "provider",
        "finops.outcome": "ok",
        "finops.request.id": "r-1",
        "finops.request.attempt": 0,
    }


def test_a_failed_call_arrives_with_the_status_of_an_error(collector: Collector) -> None:
    inferledger.init(collector.endpoint, KEY)
    with pytest.raises(ValueError, match="secret"), inferledger.call(provider="p", model="m"):
        raise ValueError("secret")
    inferledger.flush()

    [sent] = collector.spans
    assert sent["status"] == 2
    assert "secret" not in str(collector.requests[0].message)


def test_many_calls_arrive_once_each_and_in_order(collector: Collector) -> None:
    inferledger.init(collector.endpoint, KEY)
    for number in range(3000):
        record(number)
    assert inferledger.flush(timeout_s=60)

    counts = [sent["attributes"]["gen_ai.usage.input_tokens"] for sent in collector.spans]
    assert counts == list(range(3000))
    assert len({sent["span_id"] for sent in collector.spans}) == 3000


def test_calls_are_sent_without_a_flush(collector: Collector) -> None:
    inferledger.init(collector.endpoint, KEY)
    record()

    wait_until(lambda: len(collector.spans) == 1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_an_answer_that_passes_is_tried_again(collector: Collector, status: int) -> None:
    collector.answers.extend([Answer(status), Answer(status)])
    inferledger.init(collector.endpoint, KEY)
    record()
    assert inferledger.flush()

    assert len(collector.requests) == 3
    assert len(collector.spans) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("86400", 300.0),
        ("soon", None),
        ("", None),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2999 00:00:00 GMT", 300.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert _send._retry_after({"Retry-After": value}) == seconds


def test_the_sender_waits_as_long_as_retry_after_says(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    collector.answers.extend([Answer(503, {"Retry-After": "17"}), Answer(429)])
    sender = _send.OtlpSender(collector.endpoint, KEY, {}, signal=_send.SPANS)
    monkeypatch.setattr(sender._nudged, "wait", waits.append)

    sender.send([span(0)])

    assert waits[0] == 17
    assert 0.25 <= waits[1] <= 1.5  # the first wait of its own, with jitter
    assert sent_numbers(collector) == [0]


def test_a_refused_key_is_said_once_and_clearly(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.answers.extend([Answer(401), Answer(401)])
    inferledger.init(collector.endpoint, KEY)
    for _ in range(2):
        record()
        inferledger.flush()

    lines = [line.getMessage() for line in caplog.records]
    assert len(lines) == 1
    assert "refused the API key (HTTP 401)" in lines[0]
    assert KEY not in caplog.text


def test_a_batch_that_is_too_large_is_sent_in_halves(collector: Collector) -> None:
    collector.answers.append(Answer(413))
    sender = _send.OtlpSender(collector.endpoint, KEY, {}, signal=_send.SPANS)

    sender.send([span(number) for number in range(5)])

    assert [len(request.spans) for request in collector.requests] == [5, 2, 3]
    assert sent_numbers(collector) == [0, 1, 2, 3, 4]


def test_a_bad_request_is_given_up_and_said(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.answers.append(Answer(400))
    inferledger.init(collector.endpoint, KEY)
    record()
    assert inferledger.flush()

    assert len(collector.requests) == 1
    assert "refused 1 calls (HTTP 400)" in caplog.text


def test_a_partial_success_is_said(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=1, error_message="trace_id is empty")
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    collector.answers.append(Answer(200, body=body))
    inferledger.init(collector.endpoint, KEY)
    record()
    inferledger.flush()

    assert "rejected 1 of 1 calls: trace_id is empty" in caplog.text


def test_the_key_does_not_follow_a_redirect(collector: Collector) -> None:
    with Collector() as elsewhere:
        moved = {"Location": elsewhere.endpoint + "/v1/traces"}
        collector.answers.extend([Answer(302, moved), Answer(307, moved)])
        inferledger.init(collector.endpoint, KEY)
        for _ in range(2):
            record()
            inferledger.flush()

        assert len(collector.requests) == 2
        assert elsewhere.requests == []


def test_an_endpoint_may_name_the_path_itself(collector: Collector) -> None:
    inferledger.init(collector.endpoint + "/v1/traces/", KEY)
    record()
    inferledger.flush()

    assert collector.requests[0].path == "/v1/traces"


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    inferledger.init(collector.endpoint, KEY)
    record()

    assert inferledger.flush()
    assert len(collector.spans) == 1


def test_calls_wait_for_a_collector_that_comes_up_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Collector() as reserved:
        port = reserved.port
    inferledger.init(f"http://127.0.0.1:{port}", KEY)
    record()
    assert not inferledger.flush(timeout_s=0.2)
    assert "does not answer; trying again" in caplog.text

    with Collector(port) as late:
        assert inferledger.flush(timeout_s=30)
        assert len(late.spans) == 1


def test_a_collector_that_never_answers_holds_nobody_up(collector: Collector) -> None:
    collector.hold()
    inferledger.init(collector.endpoint, KEY, max_queue=100)
    for _ in range(1000):
        record()
    collector.arrived.wait(30)

    # All calls returned, while the collector still has not answered the first request.
    assert collector.taken == []
    assert not inferledger.flush(timeout_s=0.1)

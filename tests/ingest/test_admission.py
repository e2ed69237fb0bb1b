"""What the door lets in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.admission import (
    MAX_ATTRIBUTES,
    MAX_KEY_BYTES,
    MAX_TEXT,
    MAX_VALUE_BYTES,
    admit,
)
from ingest.errors import BadRequest
from tests.ingest.payloads import START_NS, Span, decoded, keys, request

SECRET = "the quick brown fox"


def test_a_clean_request_goes_in_whole() -> None:
    attributes = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 12, "x": 1.5}
    admission = admit(request(Span(attributes), Span({}, span_id=b"2" * 8)))
    assert (admission.spans, admission.rejected, admission.content_dropped) == (2, 0, 0)
    first, second = decoded(admission.body)
    assert {pair.key: pair.value for pair in first.attributes} == {
        pair.key: pair.value for pair in decoded(request(Span(attributes)))[0].attributes
    }
    assert (first.trace_id, second.span_id) == (b"t" * 16, b"2" * 8)


def test_content_is_dropped_wherever_it_is() -> None:
    span = Span(
        {
            "gen_ai.input.messages": SECRET,
            "llm.output_messages.0.message.content": SECRET,
            "gen_ai.prompt.name": "greeting",
        },
        events=[("gen_ai.content.prompt", {"gen_ai.prompt": SECRET})],
    )
    body = request(span, resource={"service.name": "shop", "input.value": SECRET})
    admission = admit(body)
    assert SECRET.encode() in body
    assert SECRET.encode() not in admission.body
    assert admission.content_dropped == 3
    assert keys(decoded(admission.body)[0]) == {"gen_ai.prompt.name"}


def test_links_and_attributes_of_the_scope_are_dropped() -> None:
    message = ExportTraceServiceRequest.FromString(request(Span({"gen_ai.system": "openai"})))
    scope_spans = message.resource_spans[0].scope_spans[0]
    scope_spans.scope.attributes.add(key="note").value.string_value = SECRET
    link = scope_spans.spans[0].links.add(trace_id=b"l" * 16, span_id=b"l" * 8)
    link.attributes.add(key="note").value.string_value = SECRET
    assert SECRET.encode() not in admit(message.SerializeToString()).body


def test_a_name_that_says_what_an_agent_was_told_is_cut_also_where_nothing_else_is_amiss() -> None:
    attributes = {"gen_ai.request.model": "gpt-4o"}
    admit(request(Span(attributes)))  # its keys are known from here on
    message = ExportTraceServiceRequest.FromString(request(Span(attributes)))
    scope_spans = message.resource_spans[0].scope_spans[0]
    scope_spans.scope.name = "opentelemetry.instrumentation.crewai.instrumentation"
    scope_spans.spans[0].name = f"{SECRET}.task"
    assert decoded(admit(message.SerializeToString()).body)[0].name == "task"


def test_of_a_recorded_exception_the_type_stays() -> None:
    event = ("exception", {"exception.type": "RateLimitError", "exception.message": SECRET})
    (span,) = decoded(admit(request(Span(events=[("other", {}), event]))).body)
    assert span.attributes[0].key == "exception.type"
    assert span.attributes[0].value.string_value == "RateLimitError"
    assert not span.events


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Span(trace_id=b"short"), "trace_id must be 16 bytes and not zero, got 5"),
        (Span(trace_id=b"t" * 20), "trace_id must be 16 bytes and not zero, got 20"),
        (Span(trace_id=bytes(16)), "trace_id must be 16 bytes and not zero, got 16"),
        (Span(span_id=b""), "span_id must be 8 bytes and not zero, got 0"),
        (Span(span_id=bytes(8)), "span_id must be 8 bytes and not zero, got 8"),
    ],
)
def test_a_span_with_an_impossible_id_is_left_out_and_counted(bad: Span, reason: str) -> None:
    admission = admit(request(bad, Span(name="good"), bad))
    assert (admission.spans, admission.rejected, admission.reason) == (1, 2, reason)
    assert [span.name for span in decoded(admission.body)] == ["good"]


@pytest.mark.parametrize(
    "body",
    [
        b"not protobuf",
        b"\xff" * 10,
        b'{"resourceSpans": []}',
        request(Span())[:-3],
        b"xx",
    ],
    ids=["text", "noise", "json", "cut off", "other fields"],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        admit(body)


def test_text_that_is_no_utf8_is_refused() -> None:
    body = request(Span({"gen_ai.request.model": "MARK"}))
    with pytest.raises(BadRequest):
        admit(body.replace(b"MARK", b"\xff\xfe\xfd\xfc"))


def test_an_empty_request_is_fine() -> None:
    assert admit(b"").spans == 0


def test_too_many_attributes_are_cut_and_those_that_matter_stay() -> None:
    noise = {f"a.noise.{n:04d}": n for n in range(2 * MAX_ATTRIBUTES)}
    admission = admit(request(Span(noise | {"gen_ai.usage.input_tokens": 7, "finops.team": "x"})))
    (span,) = decoded(admission.body)
    assert len(span.attributes) == MAX_ATTRIBUTES
    assert {"gen_ai.usage.input_tokens", "finops.team"} <= keys(span)
    assert admission.attributes_dropped == MAX_ATTRIBUTES + 2


def test_absurd_keys_and_values_are_dropped_and_counted() -> None:
    attributes = {
        "k" * (MAX_KEY_BYTES + 1): 1,
        "ä" * (MAX_KEY_BYTES // 2 + 1): 1,
        "long": "v" * (MAX_VALUE_BYTES + 1),
        "list": ["v" * 100] * 100,
        "fits": "v" * (MAX_VALUE_BYTES - 10),
    }
    admission = admit(request(Span(attributes), resource={"big": "v" * 2 * MAX_VALUE_BYTES}))
    assert keys(decoded(admission.body)[0]) == {"fits"}
    assert admission.attributes_dropped == 5


def test_a_value_that_grows_too_large_later_is_dropped_although_its_key_is_known() -> None:
    admit(request(Span({"known.key": "small"})))
    admission = admit(request(Span({"known.key": "v" * 2 * MAX_VALUE_BYTES})))
    assert keys(decoded(admission.body)[0]) == set()


def test_long_names_are_cut() -> None:
    (kept,) = decoded(admit(request(Span(name="n" * 20_000))).body)
    assert len(kept.name) == MAX_TEXT


def test_a_status_message_keeps_what_failed_and_nothing_that_it_quotes() -> None:
    message = "openai.RateLimitError: Error code: 429 - {'message': 'too many requests: my secret'}"
    (kept,) = decoded(admit(request(Span(status=2, status_message=message))).body)
    assert kept.status.message == "RateLimitError 429 too many requests"


def test_the_answers_id_stays_and_its_text_goes() -> None:
    answer = {"id": "chatcmpl-1", "model": "gpt-4o-2024-08-06", "choices": ["secret"]}
    admission = admit(request(Span({"output.value": json.dumps(answer)})))
    assert values_of(admission.body) == {
        "door:response_id": "chatcmpl-1",
        "door:model_served": "gpt-4o-2024-08-06",
    }
    assert admission.content_dropped == 1


def test_an_answer_on_a_span_around_calls_tells_nothing() -> None:
    attributes = {
        "openinference.span.kind": "CHAIN",
        "output.value": '{"id": "chatcmpl-1", "model": "gpt-4o", "usage": {"prompt_tokens": 1}}',
    }
    assert values_of(admit(request(Span(attributes))).body) == {"openinference.span.kind": "CHAIN"}


def test_no_client_can_say_what_was_read_at_the_door() -> None:
    admission = admit(request(Span({"door:response_id": "forged", "door:first_token": 1})))
    assert values_of(admission.body) == {}
    assert admission.attributes_dropped == 2


def test_the_time_of_the_first_token_is_kept_of_the_events() -> None:
    events = [("First Token Stream Event", {}), ("First Token Stream Event", {"text": "secret"})]
    (kept,) = decoded(admit(request(Span(events=events))).body)
    assert [(pair.key, pair.value.int_value) for pair in kept.attributes] == [
        ("door:first_token", START_NS // 1000)
    ]


def values_of(body: bytes) -> dict[str, str]:
    (kept,) = decoded(body)
    return {pair.key: pair.value.string_value for pair in kept.attributes}


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    names,
    st.binary(max_size=20),
    st.lists(names, max_size=3),
)


@given(st.lists(st.dictionaries(names, values, max_size=5), max_size=5))
def test_admitting_what_was_admitted_changes_nothing(spans: list[dict[str, object]]) -> None:
    once = admit(request(*(Span(attributes) for attributes in spans)))
    again = admit(once.body)
    assert (again.spans, again.rejected) == (len(spans), 0)
    assert [keys(span) for span in decoded(again.body)] == [
        keys(span) for span in decoded(once.body)
    ]


@given(st.binary(max_size=500))
def test_no_bytes_at_all_break_the_door(body: bytes) -> None:
    try:
        admission = admit(body)
    except BadRequest:
        return
    assert len(decoded(admission.body)) == admission.spans


@pytest.mark.parametrize("beside", [b"\x18\x05", b"\x10\x02"], ids=["unknown", "wrong wire type"])
def test_an_attribute_with_more_than_key_and_value_hides_no_content(beside: bytes) -> None:
    known = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    admit(request(Span(known)))
    message = ExportTraceServiceRequest.FromString(
        request(Span(known | {"gen_ai.prompt": "SECRET"}))
    )
    (span,) = message.resource_spans[0].scope_spans[0].spans
    span.attributes[-1].MergeFromString(beside)
    admission = admit(message.SerializeToString())
    assert admission.spans == 1
    assert b"SECRET" not in admission.body
    assert beside not in admission.body

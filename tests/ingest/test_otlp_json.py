"""OTLP/JSON becomes the protobuf that the same request would have been."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from ingest.errors import BadRequest
from ingest.otlp_json import to_protobuf
from tests.ingest.payloads import Span, request

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"


def parse(given: Any) -> ExportTraceServiceRequest:
    body = given if isinstance(given, bytes) else orjson.dumps(given)
    return ExportTraceServiceRequest.FromString(
        to_protobuf(body, ExportTraceServiceRequest.DESCRIPTOR)
    )


def of_span(**members: Any) -> Any:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [members]}]}]}


def span(**members: Any) -> Any:
    return parse(of_span(**members)).resource_spans[0].scope_spans[0].spans[0]


def value(given: Any) -> AnyValue:
    found: AnyValue = span(attributes=[{"key": "k", "value": given}]).attributes[0].value
    return found


def with_hex_ids(message: ExportTraceServiceRequest) -> Any:
    """Return the JSON that json_format makes, its ids as OTLP wants them."""
    whole = json_format.MessageToDict(message)
    for resource in whole.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for one in scope.get("spans", []):
                for name in {"traceId", "spanId", "parentSpanId"} & one.keys():
                    one[name] = base64.b64decode(one[name]).hex()
    return whole


names = st.text(max_size=20)
values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), names, st.binary()),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(
        st.builds(
            Span,
            attributes=st.dictionaries(names, values, max_size=4),
            trace_id=st.binary(min_size=16, max_size=16),
            span_id=st.binary(min_size=8, max_size=8),
            parent_span_id=st.binary(max_size=8),
            name=names,
            kind=st.integers(0, 5),
            start_ns=st.integers(0, 2**64 - 1),
            status=st.integers(0, 2),
            status_message=names,
            events=st.lists(st.tuples(names, st.dictionaries(names, values, max_size=2))),
        ),
        max_size=3,
    )
)
def test_what_protobufs_own_json_says_is_read_as_it_was(spans: list[Span]) -> None:
    message = ExportTraceServiceRequest.FromString(request(*spans))
    again = parse(with_hex_ids(message))
    assert json_format.MessageToDict(again) == json_format.MessageToDict(message)


counts = st.lists(st.integers(0, 2**64 - 1), max_size=4)


@given(counts, st.lists(st.floats(), max_size=4), st.floats(), st.integers(-20, 20), counts)
def test_histograms_are_read_as_they_were(
    buckets: list[int], bounds: list[float], total: float, scale: int, positive: list[int]
) -> None:
    message = ExportMetricsServiceRequest()
    scope = message.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="h").histogram.data_points.add(
        bucket_counts=buckets, explicit_bounds=bounds, sum=total, count=3
    )
    point = scope.metrics.add(name="e").exponential_histogram.data_points.add(scale=scale)
    point.positive.offset = -3
    point.positive.bucket_counts.extend(positive)
    scope.metrics.add(name="s").sum.data_points.add(as_int=-7, flags=1)
    given = orjson.dumps(json_format.MessageToDict(message))
    again = to_protobuf(given, ExportMetricsServiceRequest.DESCRIPTOR)
    assert json_format.MessageToDict(
        ExportMetricsServiceRequest.FromString(again)
    ) == json_format.MessageToDict(message)


def test_ids_are_hexadecimal_in_either_case() -> None:
    found = span(traceId=TRACE_ID.upper(), spanId=SPAN_ID, parentSpanId="")
    assert (found.trace_id.hex(), found.span_id.hex()) == (TRACE_ID, SPAN_ID)
    assert found.parent_span_id == b""


def test_ids_in_base64_are_understood() -> None:
    in_base64 = base64.b64encode(bytes.fromhex(TRACE_ID)).decode()
    assert span(traceId=in_base64).trace_id.hex() == TRACE_ID


@pytest.mark.parametrize("bad", ["xyz", "z" * 16, "é" * 8])
def test_an_id_that_cannot_be_read_is_none(bad: str) -> None:
    assert span(traceId=bad, name="n").trace_id == b""


def test_numbers_may_be_texts_and_times_too() -> None:
    found = span(startTimeUnixNano="1544712660000000000", endTimeUnixNano=1544712661000000000)
    assert found.end_time_unix_nano - found.start_time_unix_nano == 10**9
    assert value({"intValue": "-42"}) == value({"intValue": -42}) == AnyValue(int_value=-42)
    assert value({"intValue": 1e3}) == AnyValue(int_value=1000)
    assert value({"doubleValue": "1.5"}) == value({"doubleValue": 1.5})
    assert value({"doubleValue": 1}) == AnyValue(double_value=1)
    assert value({"doubleValue": "-Infinity"}) == AnyValue(double_value=float("-inf"))


def test_kinds_and_codes_may_be_numbers_or_names() -> None:
    assert span(kind=3).kind == span(kind="SPAN_KIND_CLIENT").kind == span(kind="3").kind == 3
    assert span(status={"code": "STATUS_CODE_ERROR"}).status.code == 2
    assert span(kind="SPAN_KIND_OF_TOMORROW").kind == 0


def test_bytes_are_base64_of_either_alphabet_with_or_without_padding() -> None:
    for text in ("+/8=", "-_8=", "-_8"):
        assert value({"bytesValue": text}) == AnyValue(bytes_value=b"\xfb\xff")


def test_members_in_snake_case_are_understood_and_unknown_ones_ignored() -> None:
    found = parse(
        {
            "resource_spans": [
                {"scope_spans": [{"spans": [{"trace_id": TRACE_ID, "new": {"a": 1}}]}]}
            ]
        }
    )
    assert found.resource_spans[0].scope_spans[0].spans[0].trace_id.hex() == TRACE_ID


def test_null_is_as_good_as_absent() -> None:
    assert span(name=None, attributes=None, status=None, kind=1).kind == 1
    assert value(None) == value({"stringValue": None}) == AnyValue()


def test_empty_values_of_attributes_stay() -> None:
    assert value({"stringValue": ""}).WhichOneof("value") == "string_value"
    assert value({"boolValue": False}).WhichOneof("value") == "bool_value"
    assert value({"arrayValue": {}}).WhichOneof("value") == "array_value"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "no JSON"),
        (b'{"resourceSpans": NaN}', "no JSON"),
        (b'{"resourceSpans": [{"a": "\xff"}]}', "no JSON"),
        (b"[]", "resourceSpans"),
        (b'"text"', "resourceSpans"),
        (b'{"resourceMetrics": []}', "resourceSpans"),
        (b'{"resourceSpans": {}}', "a list is needed"),
        (b'{"resourceSpans": [1]}', "an object is needed"),
        (orjson.dumps(of_span(name=7)), "spans: name: a text is needed, not 7"),
        (orjson.dumps(of_span(kind=[])), "kind"),
        (orjson.dumps(of_span(startTimeUnixNano=-1)), "startTimeUnixNano"),
        (orjson.dumps(of_span(startTimeUnixNano="soon")), "can't be read"),
        (orjson.dumps(of_span(startTimeUnixNano="9" * 5000)), "can't be read"),
        (orjson.dumps(of_span(startTimeUnixNano=1.5)), "whole number"),
        (
            orjson.dumps(of_span(attributes=[{"key": "k", "value": {"intValue": 2**63}}])),
            "intValue",
        ),
        (
            orjson.dumps(of_span(attributes=[{"key": "k", "value": {"intValue": "NaN"}}])),
            "intValue",
        ),
        (orjson.dumps(of_span(attributes=[{"key": "k", "value": {"boolValue": "?"}}])), "true"),
        (orjson.dumps(of_span(attributes=[{"key": "k", "value": {"doubleValue": []}}])), "number"),
        (orjson.dumps(of_span(attributes=[{"key": "k", "value": {"bytesValue": "?"}}])), "bytesV"),
    ],
)
def test_what_is_no_request_is_refused_and_the_place_named(body: bytes, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        parse(body)


@pytest.mark.parametrize("given", ["my secret", ["my secret"], {"a": "my secret"}])
def test_what_is_wrong_is_told_without_quoting_a_text(given: Any) -> None:
    attribute = {"key": "k", "value": {"boolValue": given}}
    with pytest.raises(BadRequest) as caught:
        parse(orjson.dumps(of_span(attributes=[attribute])))
    assert "secret" not in str(caught.value)


def nested(depth: int) -> bytes:
    before, after = b'{"arrayValue":{"values":[' * depth, b"]}}" * depth
    head = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"k","value":'
    return head + before + after + b"}]}]}]}]}"


@pytest.mark.parametrize("depth", [60, 200, 400, 100_000])
def test_deep_values_are_refused(depth: int) -> None:
    with pytest.raises(BadRequest, match=r"nested deeper|no JSON"):
        parse(nested(depth))


members = st.sampled_from(
    (
        *("resourceSpans", "scopeSpans", "spans", "resource", "attributes", "key", "value"),
        *("traceId", "kind", "status", "code", "events", "intValue", "stringValue", "arrayValue"),
        *("values", "doubleValue", "bytesValue", "startTimeUnixNano", "flags"),
    )
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), names),
    lambda inner: st.lists(inner) | st.dictionaries(members, inner),
    max_leaves=20,
)


@given(json_values)
def test_no_json_at_all_breaks_the_reading(given: Any) -> None:
    try:
        body = orjson.dumps({"resourceSpans": [given]})
    except TypeError:  # an integer of more than 64 bits
        return
    try:
        parse(body)
    except BadRequest:
        return

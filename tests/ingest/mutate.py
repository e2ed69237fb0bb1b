"""Damage to request bodies, as clients, networks and people with bad intentions do it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import zstandard
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Damage = Callable[[Random, bytes], bytes]

NUMBERS = (0, -1, 1, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, -(2**63))
TIMES_NS = (0, 1, 10**18, 2**63 - 1, 2**63, 2**64 - 1)
DOUBLES = (0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1e308, -1.5, 5e-324)
TEXTS = ("", "\0", "0", "-1", "1e400", "NaN", "null", "'", '"', "\\", "a" * 9000, "\U0001f9fe" * 50)
COUNTS = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "llm.token_count.prompt",
    "gen_ai.request.max_tokens",
)
# A varint of ten bytes, a length of 4 GiB, tags of other wire types and of no field at all.
ODD_BYTES = (
    b"\xff" * 9 + b"\x01",
    b"\xff\xff\xff\xff\x0f",
    b"\x0b\x0c",
    b"\x00",
    b"\x80" * 11,
    b"\xfa\x01\x04abcd",
    b"\x0d\x01\x02\x03\x04",
)


def flip_bits(rng: Random, body: bytes) -> bytes:
    out = bytearray(body)
    for _ in range(rng.randrange(1, 9)):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def cut_off(rng: Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body))]


def take_out(rng: Random, body: bytes) -> bytes:
    start = rng.randrange(len(body))
    return body[:start] + body[start + rng.randrange(1, 20) :]


def repeat(rng: Random, body: bytes) -> bytes:
    start = rng.randrange(len(body))
    return body[:start] + body[start : start + rng.randrange(1, 200)] * 2 + body[start:]


def put_in(rng: Random, body: bytes) -> bytes:
    start = rng.randrange(len(body))
    return body[:start] + rng.choice(ODD_BYTES) + body[start:]


def write_over(rng: Random, body: bytes) -> bytes:
    """Replace bytes by odd ones of the same number: tags, lengths and texts alike."""
    odd = rng.choice(ODD_BYTES)
    start = rng.randrange(len(body))
    return body[:start] + odd + body[start + len(odd) :]


def break_texts(rng: Random, body: bytes) -> bytes:
    """Make a text invalid UTF-8 without touching any length."""
    words = (b"gen_ai", b"gpt", b"openai", b"service", b"chat", b"llm")
    word = rng.choice(words)
    return body.replace(word, b"\xff" + word[1:], rng.randrange(1, 4))


def twice(_: Random, body: bytes) -> bytes:
    return body + body


def change_fields(rng: Random, body: bytes) -> bytes:
    """Give spans times, ids, kinds and attributes that no SDK would."""
    message = ExportTraceServiceRequest.FromString(body)
    spans = [
        span
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    for _ in range(rng.randrange(1, 4)):
        if spans:
            change_span(rng, rng.choice(spans))
    return message.SerializeToString()


def change_span(rng: Random, span: Span) -> None:
    changes: Sequence[Callable[[], Any]] = (
        lambda: setattr(span, "start_time_unix_nano", rng.choice(TIMES_NS)),
        lambda: setattr(span, "end_time_unix_nano", rng.choice(TIMES_NS)),
        lambda: setattr(span, "trace_id", rng.randbytes(rng.choice((0, 8, 15, 17, 32)))),
        lambda: setattr(span, "span_id", rng.randbytes(rng.choice((0, 7, 9, 16)))),
        lambda: setattr(span, "parent_span_id", rng.randbytes(rng.choice((1, 7, 9, 300)))),
        lambda: setattr(span, "trace_id", bytes(16)),
        lambda: setattr(span, "kind", rng.choice((-1, 6, 2**31 - 1))),
        lambda: setattr(span.status, "code", rng.choice((-1, 3, 2**31 - 1))),
        lambda: setattr(span.status, "message", rng.choice(TEXTS)),
        lambda: setattr(span, "name", rng.choice(TEXTS)),
        lambda: span.attributes.extend([*span.attributes]),
        lambda: span.attributes.append(KeyValue(key=rng.choice(COUNTS), value=odd_value(rng))),
        lambda: span.attributes.append(KeyValue(key=rng.choice(TEXTS), value=odd_value(rng))),
        lambda: span.attributes.insert(0, KeyValue(key=rng.choice(COUNTS), value=odd_value(rng))),
        lambda: change_values(rng, span),
        lambda: span.attributes.append(KeyValue(key="deep", value=deep_value(rng))),
        lambda: span.links.add(trace_id=b"x").attributes.append(KeyValue(key="k")),
        lambda: span.events.add(name="exception").attributes.append(KeyValue(key="")),
    )
    rng.choice(changes)()


def change_values(rng: Random, span: Span) -> None:
    for pair in span.attributes:
        pair.value.CopyFrom(odd_value(rng))


def odd_value(rng: Random) -> AnyValue:
    return rng.choice(
        (
            AnyValue(),
            AnyValue(int_value=rng.choice(NUMBERS)),
            AnyValue(double_value=rng.choice(DOUBLES)),
            AnyValue(string_value=rng.choice(TEXTS)),
            AnyValue(bool_value=rng.random() < 0.5),
            AnyValue(bytes_value=rng.randbytes(5)),
            deep_value(rng),
        )
    )


def deep_value(rng: Random) -> AnyValue:
    """Arrays in arrays: some deeper than the protobuf runtime reads."""
    value = AnyValue(string_value="deep")
    for _ in range(rng.choice((2, 20, 60))):
        outer = AnyValue()
        outer.array_value.values.append(value)
        value = outer
    return value


BINARY: tuple[Damage, ...] = (
    flip_bits,
    cut_off,
    take_out,
    repeat,
    put_in,
    write_over,
    break_texts,
    twice,
    change_fields,
    change_fields,
    change_fields,
)


def change_json(rng: Random, body: bytes) -> bytes:
    """Put values of other types into a request, at places anywhere in it."""
    document = json.loads(body)
    for _ in range(rng.randrange(1, 4)):
        change_node(rng, document)
    return json.dumps(document, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")


def change_node(rng: Random, node: Any) -> None:
    while True:
        keys: list[Any] = [*node] if isinstance(node, dict) else [*range(len(node))]
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.9:
            node = node[key]
            continue
        node[key] = odd_json(rng)
        return


def odd_json(rng: Random) -> Any:
    deep: Any = "deep"
    for _ in range(rng.choice((1, 30, 150))):
        deep = {"arrayValue": {"values": [deep]}}
    choices: tuple[Any, ...] = (
        None,
        True,
        [],
        {},
        deep,
        "\ud800",
        rng.choice(TEXTS),
        rng.choice(NUMBERS),
        str(rng.choice(NUMBERS)),
        rng.choice(DOUBLES),
        2**70,
        rng.randbytes(8).hex(),
    )
    return rng.choice(choices)


def put_in_json(rng: Random, body: bytes) -> bytes:
    start = rng.randrange(len(body))
    odd = (b"\xff", b"\0", b"[" * 500, b'{"a":' * 200, b'"', b",", b"1e999", b"\\ud800", b"-")
    return body[:start] + rng.choice(odd) + body[start:]


JSON: tuple[Damage, ...] = (
    flip_bits,
    cut_off,
    take_out,
    repeat,
    put_in_json,
    break_texts,
    change_json,
    change_json,
    change_json,
    change_json,
)


def damage(rng: Random, body: bytes, kinds: Sequence[Damage]) -> bytes:
    """Damage a body once or twice."""
    for _ in range(rng.choice((1, 1, 2))):
        if body:
            try:
                body = rng.choice(kinds)(rng, body)
            except (DecodeError, ValueError, TypeError, RecursionError):
                break  # the first damage left nothing that this kind could read
    return body


def pack(rng: Random, body: bytes) -> tuple[bytes, bytes]:
    """Return a body as it is, or compressed and sometimes damaged after that; and its encoding."""
    encoding = rng.choice((b"", b"", b"gzip", b"zstd"))
    if not encoding:
        return body, encoding
    packed = gzip.compress(body, 1) if encoding == b"gzip" else zstandard.compress(body)
    if rng.random() < 0.2:
        packed = rng.choice((flip_bits, cut_off, twice))(rng, packed)
    return packed, encoding

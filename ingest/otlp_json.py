"""OTLP/JSON turned into OTLP/protobuf, so that both take the same way from there on.

The rules are those of proto3's JSON mapping with OTLP's changes (ids in hexadecimal), read from the
descriptors of opentelemetry-proto. What senders get wrong without being ambiguous is understood
too: snake_case names, numbers as texts and texts as numbers' places, ids in base64. Unknown members
are ignored. json_format of the protobuf runtime takes five times as long and knows none of it.
"""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from ingest.errors import BadRequest
from ingest.record import encode_varint

# As deep as the protobuf runtime reads.
MAX_DEPTH = 100
IDS = frozenset({"trace_id", "span_id", "parent_span_id"})
ID_TEXTS = {24: 16, 12: 8}  # characters of an id in base64 -> its bytes
UINT64 = 2**64 - 1
KINDS: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}

Write = Callable[[Any, list[bytes], int], None]
Convert = Callable[[Any], bytes]
Fields = dict[str, Write]

LENGTHS = [encode_varint(length) for length in range(2**14)]
DOUBLE = struct.Struct("<d")
FIXED64 = struct.Struct("<Q")
FIXED32 = struct.Struct("<I")

F = FieldDescriptor
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5


class Mismatch(Exception):
    """A value isn't what its field needs."""


def to_protobuf(body: bytes, request: Descriptor) -> bytes:
    """Encode the JSON of a request; raises BadRequest saying what is wrong with it."""
    try:
        given = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is no JSON: {error}.") from None
    fields = fields_of(request)
    if not isinstance(given, dict) or (given and fields.keys().isdisjoint(given)):
        raise BadRequest(f"The body is no {request.name}: it has no {request.fields[0].json_name}.")
    try:
        return encode_message(fields, given, 0)
    except Mismatch as error:
        raise BadRequest(f"The body is no {request.name}: {error}.") from None


def encode_message(fields: Fields, given: Any, depth: int) -> bytes:
    if type(given) is not dict:
        raise Mismatch(f"an object is needed, not {show(given)}")
    if depth > MAX_DEPTH:
        raise Mismatch(f"it is nested deeper than {MAX_DEPTH} levels")
    parts: list[bytes] = []
    for name, value in given.items():
        write = fields.get(name)
        if write is not None and value is not None:
            write(value, parts, depth)
    return b"".join(parts)


_fields: dict[str, Fields] = {}


def fields_of(message: Descriptor) -> Fields:
    """Return how each member of a message is written, by both of its names."""
    known = _fields.get(message.full_name)
    if known is None:
        known = _fields[message.full_name] = {}
        for field in message.fields:
            write = named(field.json_name, writer(field))
            known[field.json_name] = known[field.name] = write
    return known


def named(name: str, write: Write) -> Write:
    """Let an error say in which field it is."""

    def write_named(value: Any, parts: list[bytes], depth: int) -> None:
        try:
            write(value, parts, depth)
        except Mismatch as error:
            raise Mismatch(f"{name}: {error}") from None
        except (ValueError, OverflowError, struct.error):
            raise Mismatch(f"{name}: {show(value)} can't be read") from None

    return write_named


def writer(field: FieldDescriptor) -> Write:
    if field.message_type is not None:
        write = message_writer(field.number, fields_of(field.message_type))
        return each(write) if field.is_repeated else write
    wire_type, convert = (
        (VARINT, enum_converter(field.enum_type)) if field.enum_type else SCALARS[field.type]
    )
    if field.type == F.TYPE_BYTES and field.name in IDS:
        convert = convert_id
    tag = encode_varint(field.number << 3 | wire_type)
    if field.is_repeated and wire_type != BYTES:
        return packed(field.number, convert)
    write = scalar_writer(tag, convert, wire_type == BYTES)
    return each(write) if field.is_repeated else write


def message_writer(number: int, fields: Fields) -> Write:
    tag = encode_varint(number << 3 | BYTES)

    def write(value: Any, parts: list[bytes], depth: int) -> None:
        encoded = encode_message(fields, value, depth + 1)
        parts += (tag, length_of(encoded), encoded)

    return write


def scalar_writer(tag: bytes, convert: Convert, with_length: bool) -> Write:
    def write(value: Any, parts: list[bytes], depth: int) -> None:
        encoded = convert(value)
        parts += (tag, length_of(encoded), encoded) if with_length else (tag, encoded)

    return write


def each(write: Write) -> Write:
    def write_each(values: Any, parts: list[bytes], depth: int) -> None:
        for value in list_of(values):
            write(value, parts, depth)

    return write_each


def packed(number: int, convert: Convert) -> Write:
    tag = encode_varint(number << 3 | BYTES)

    def write(values: Any, parts: list[bytes], depth: int) -> None:
        encoded = b"".join([convert(value) for value in list_of(values)])
        parts += (tag, length_of(encoded), encoded)

    return write


def list_of(values: Any) -> list[Any]:
    if type(values) is not list:
        raise Mismatch(f"a list is needed, not {show(values)}")
    return values


def length_of(encoded: bytes) -> bytes:
    size = len(encoded)
    return LENGTHS[size] if size < len(LENGTHS) else encode_varint(size)


def show(value: Any) -> str:
    """Name a value in an error; of texts, which may be prompts, only that they are texts."""
    return KINDS.get(type(value)) or repr(value)[:40]


def convert_text(value: Any) -> bytes:
    if type(value) is str:
        return value.encode()
    raise Mismatch(f"a text is needed, not {show(value)}")


def convert_bytes(value: Any) -> bytes:
    text = convert_text(value).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    return b64decode(text + b"=" * (-len(text) % 4), validate=True)


def convert_id(value: Any) -> bytes:
    """Read an id; one that can't be read is as good as none, and its span is rejected for it."""
    text = convert_text(value)
    try:
        if len(text) in ID_TEXTS and text.endswith(b"="):
            return b64decode(text, validate=True)
        return binascii.unhexlify(text)
    except ValueError:
        return b""


def convert_bool(value: Any) -> bytes:
    if value in (True, "true"):
        return b"\x01"
    if value in (False, "false"):
        return b"\x00"
    raise Mismatch(f"true or false is needed, not {show(value)}")


def whole_number(value: Any, low: int, high: int) -> int:
    if type(value) is str:
        value = int(value) if value.lstrip("-").isdigit() else float(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not low <= value <= high:
        raise Mismatch(f"a whole number from {low} to {high} is needed, not {show(value)}")
    return value


def signed(bits: int) -> Convert:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return lambda value: encode_varint(whole_number(value, low, high) & UINT64)


def unsigned(bits: int) -> Convert:
    return lambda value: encode_varint(whole_number(value, 0, 2**bits - 1))


def fixed(layout: struct.Struct, low: int, high: int) -> Convert:
    mask = 2 ** (8 * layout.size) - 1
    return lambda value: layout.pack(whole_number(value, low, high) & mask)


def convert_double(value: Any) -> bytes:
    if type(value) is bool:
        raise Mismatch(f"a number is needed, not {show(value)}")
    try:
        return DOUBLE.pack(float(value))
    except TypeError:
        raise Mismatch(f"a number is needed, not {show(value)}") from None


def convert_zigzag(value: Any) -> bytes:
    number = whole_number(value, -(2**31), 2**31 - 1)
    return encode_varint(number << 1 if number >= 0 else (-number << 1) - 1)


def enum_converter(enum: EnumDescriptor) -> Convert:
    """Read a value of an enumeration by number or name; an unknown name is the unset value."""
    numbers = {name: value.number for name, value in enum.values_by_name.items()}

    def convert(value: Any) -> bytes:
        if type(value) is str and not value.lstrip("-").isdigit():
            return encode_varint(numbers.get(value, 0) & UINT64)
        return encode_varint(whole_number(value, -(2**31), 2**31 - 1) & UINT64)

    return convert


SCALARS: dict[int, tuple[int, Convert]] = {
    F.TYPE_STRING: (BYTES, convert_text),
    F.TYPE_BYTES: (BYTES, convert_bytes),
    F.TYPE_BOOL: (VARINT, convert_bool),
    F.TYPE_INT32: (VARINT, signed(32)),
    F.TYPE_INT64: (VARINT, signed(64)),
    F.TYPE_UINT32: (VARINT, unsigned(32)),
    F.TYPE_UINT64: (VARINT, unsigned(64)),
    F.TYPE_SINT32: (VARINT, convert_zigzag),
    F.TYPE_FIXED32: (FIXED_32, fixed(FIXED32, 0, 2**32 - 1)),
    F.TYPE_FIXED64: (FIXED_64, fixed(FIXED64, 0, UINT64)),
    F.TYPE_SFIXED64: (FIXED_64, fixed(FIXED64, -(2**63), 2**63 - 1)),
    F.TYPE_DOUBLE: (FIXED_64, convert_double),
}

"""What a protobuf message is made of, without what its texts say: for people who look for a fault.

Ids are shown in hexadecimal, numbers as they are, texts by their length, attributes by name and
type. Names of scopes and metrics are shown: instrumentations choose them, not their users.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

OPEN_TEXTS = frozenset({("Scope", "name"), ("Scope", "version"), ("Metric", "name")})
LONGEST_ID = 32


def outline(message_class: Any, body: bytes) -> Any:
    """Return the structure of a body as plain dicts and lists, ready for JSON."""
    try:
        message = message_class.FromString(body)
    except (DecodeError, UnicodeDecodeError):
        return f"no {message_class.DESCRIPTOR.name} in protobuf"
    return of_message(message)


def of_message(message: Any) -> dict[str, Any]:
    return {
        field.name: of_field(message.DESCRIPTOR.name, field, value)
        for field, value in message.ListFields()
    }


def of_field(owner: str, field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {key: value[key].WhichOneof("value") or "nothing" for key in sorted(value)}
    if field.is_repeated:
        return [of_value(owner, field, item) for item in value]
    return of_value(owner, field, value)


def of_value(owner: str, field: FieldDescriptor, value: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return of_message(value)
    if field.type == FieldDescriptor.TYPE_STRING:
        return value if (owner, field.name) in OPEN_TEXTS else f"{len(value)} characters"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value.hex() if len(value) <= LONGEST_ID else f"{len(value)} bytes"
    return value

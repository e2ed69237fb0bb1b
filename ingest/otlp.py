"""The part of OTLP traces that the collector reads, as classes of the protobuf runtime.

The numbers are those of opentelemetry-proto. Attributes are declared as maps, which look the same
on the wire as its repeated KeyValue: the keys of a span can then be compared with a set without
making a Python object for each attribute, which is what keeps the door cheap. Of two attributes
with one key, which OTLP forbids, the last stays. What is declared as bytes is only ever cleared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

PACKAGE = "inferledger.otlp"

SCALARS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "sint32": FieldDescriptorProto.TYPE_SINT32,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "fixed32": FieldDescriptorProto.TYPE_FIXED32,
    "fixed64": FieldDescriptorProto.TYPE_FIXED64,
    "sfixed64": FieldDescriptorProto.TYPE_SFIXED64,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
}

MESSAGES: dict[str, tuple[tuple[int, str, str], ...]] = {
    "AnyValue": (
        (1, "string", "string_value"),
        (2, "bool", "bool_value"),
        (3, "int64", "int_value"),
        (4, "double", "double_value"),
        (5, "ArrayValue", "array_value"),
        (6, "KeyValueList", "kvlist_value"),
        (7, "bytes", "bytes_value"),
    ),
    "ArrayValue": ((1, "repeated AnyValue", "values"),),
    "KeyValueList": ((1, "repeated KeyValue", "values"),),
    "KeyValue": ((1, "string", "key"), (2, "AnyValue", "value")),
    "Resource": ((1, "map AnyValue", "attributes"),),
    "Scope": (
        (1, "string", "name"),
        (2, "string", "version"),
        (3, "repeated bytes", "attributes"),
    ),
    "Event": (
        (1, "fixed64", "time_unix_nano"),
        (2, "string", "name"),
        (3, "map AnyValue", "attributes"),
    ),
    "Status": ((2, "string", "message"), (3, "int32", "code")),
    "Span": (
        (1, "bytes", "trace_id"),
        (2, "bytes", "span_id"),
        (4, "bytes", "parent_span_id"),
        (5, "string", "name"),
        (6, "int32", "kind"),
        (7, "fixed64", "start_time_unix_nano"),
        (8, "fixed64", "end_time_unix_nano"),
        (9, "map AnyValue", "attributes"),
        (11, "repeated Event", "events"),
        (13, "repeated bytes", "links"),
        (15, "Status", "status"),
    ),
    "ScopeSpans": ((1, "Scope", "scope"), (2, "repeated Span", "spans")),
    "ResourceSpans": ((1, "Resource", "resource"), (2, "repeated ScopeSpans", "scope_spans")),
    "Traces": ((1, "repeated ResourceSpans", "resource_spans"),),
    # The same bytes seen from afar: how large each span is, without reading it.
    "ScopeOutline": ((2, "repeated bytes", "spans"),),
    "ResourceOutline": ((2, "repeated ScopeOutline", "scope_spans"),),
    "Outline": ((1, "repeated ResourceOutline", "resource_spans"),),
}
# The members of which one is sent, by the name that they have together.
ONE_OF = {"AnyValue": ("value", frozenset(name for _, _, name in MESSAGES["AnyValue"]))}

Fields = tuple[tuple[int, str, str], ...]
OneOf = Mapping[str, tuple[str, frozenset[str]]]


def describe(name: str, fields: Fields, package: str, one_of: OneOf) -> DescriptorProto:
    """Build the descriptor of one message of the table."""
    message = DescriptorProto(name=name)
    group, members = one_of.get(name, ("", frozenset()))
    if group:
        message.oneof_decl.add(name=group)
    for number, kind, field_name in fields:
        field = message.field.add(name=field_name, number=number)
        label, _, base = kind.rpartition(" ")
        repeated = label in ("repeated", "map")
        field.label = (
            FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
        )
        if label == "map":
            message.nested_type.append(describe_map_entry(base, package))
            set_type(field, f"{name}.AttributesEntry", package)
        else:
            set_type(field, base, package)
        if field_name in members:
            field.oneof_index = 0
    return message


def describe_map_entry(value_type: str, package: str) -> DescriptorProto:
    entry = DescriptorProto(name="AttributesEntry")
    entry.options.map_entry = True
    for number, kind, field_name in ((1, "string", "key"), (2, value_type, "value")):
        field = entry.field.add(name=field_name, number=number)
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        set_type(field, kind, package)
    return entry


def set_type(field: FieldDescriptorProto, kind: str, package: str) -> None:
    if kind in SCALARS:
        field.type = SCALARS[kind]
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"


def make_classes(messages: Mapping[str, Fields], package: str, one_of: OneOf) -> dict[str, Any]:
    """Make the classes of a table of messages, by name."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.message_type.extend(
        describe(name, fields, package, one_of) for name, fields in messages.items()
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


_CLASSES = make_classes(MESSAGES, PACKAGE, ONE_OF)
Traces = _CLASSES["Traces"]
Outline = _CLASSES["Outline"]

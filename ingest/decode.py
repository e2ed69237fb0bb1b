"""Step one of loading: ClickHouse reads the protobuf of sealed segments into `spans`.

The statement is fixed; only the path and the deduplication token change. Values of any type become
texts: true/false, numbers as ClickHouse writes them, arrays of texts as JSON. Spans that speak no
dialect are not stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingest.dialects import DIALECTS
from ingest.record import RECEIPT, RECEIVED_AT_MS, WORKSPACE_ID

# Members that aren't named here are skipped by the reader.
PROTO = f"""syntax = "proto3";
message Text {{ string string_value = 1; }}
message Texts {{ repeated Text values = 1; }}
message AnyValue {{
  oneof value {{
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    Texts array_value = 5; bytes kvlist_value = 6; bytes bytes_value = 7;
  }}
}}
message KeyValue {{ string key = 1; AnyValue value = 2; }}
message Resource {{ repeated KeyValue attributes = 1; }}
message Scope {{ string name = 1; string version = 2; }}
message Status {{ string message = 2; int32 code = 3; }}
message Span {{
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; Status status = 15;
}}
message ScopeSpans {{ Scope scope = 1; repeated Span spans = 2; }}
message ResourceSpans {{ Resource resource = 1; repeated ScopeSpans scope_spans = 2; }}
message Request {{
  repeated ResourceSpans resource_spans = 1;
  fixed64 workspace_id = {WORKSPACE_ID}; fixed64 receipt = {RECEIPT};
  fixed64 received_at_ms = {RECEIVED_AT_MS};
}}
"""

# `value` says which member of the oneof was sent, so that 0, '' and false differ from nothing.
KEY_VALUES = """Array(Tuple(key String, value Tuple(
    value Enum8('no' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3,
                'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7),
    string_value String, bool_value UInt8, int_value Int64, double_value Float64,
    array_value Tuple(values Array(Tuple(string_value String))))))"""

STRUCTURE = f"""
    resource_spans Array(Tuple(
        resource Tuple(attributes {KEY_VALUES}),
        scope_spans Array(Tuple(
            scope Tuple(name String, version String),
            spans Array(Tuple(
                trace_id String, span_id String, parent_span_id String, name String, kind Int32,
                start_time_unix_nano UInt64, end_time_unix_nano UInt64,
                attributes {KEY_VALUES},
                status Tuple(message String, code Int32))))))),
    workspace_id UInt64, receipt UInt64, received_at_ms UInt64"""

# The last microsecond that DateTime64(6) can show; a clock beyond it is wrong anyway.
LAST_US = 10_413_791_999_999_999


def quote(text: str) -> str:
    """Write a text of our own as a SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def texts(names: Iterable[str]) -> str:
    """Write names of our own as a SQL list."""
    return ", ".join(quote(name) for name in names)


def one_of(text: str, names: tuple[str, ...]) -> str:
    """Return the condition that a text is one of these names; one that ends in * is a beginning."""
    whole = tuple(name for name in names if not name.endswith("*"))
    conditions = [f"{text} IN ({texts(whole)})"] if whole else []
    conditions.extend(
        f"startsWith({text}, {quote(name[:-1])})" for name in names if name.endswith("*")
    )
    return " OR ".join(conditions)


def as_map(attributes: str) -> str:
    """Turn attributes into a Map of texts; kvlists and bytes carry no fact that we read."""
    return f"""mapFromArrays(
        {attributes}.key,
        arrayMap(
            (kind, text, flag, whole, real, list) -> multiIf(
                kind = 'string_value', text,
                kind = 'int_value', toString(whole),
                kind = 'bool_value', if(flag != 0, 'true', 'false'),
                kind = 'double_value', toString(real),
                kind = 'array_value', toJSONString(list.values.string_value),
                ''),
            {attributes}.value.value, {attributes}.value.string_value,
            {attributes}.value.bool_value, {attributes}.value.int_value,
            {attributes}.value.double_value, {attributes}.value.array_value))"""


def as_time(nanoseconds: str) -> str:
    return (
        f"fromUnixTimestamp64Micro(toInt64(least(intDiv({nanoseconds}, 1000), {LAST_US})), 'UTC')"
    )


NO_RANK = 255
Ranked = list[tuple[str, int]]


def dialect_of(scope: str, keys: str) -> str:
    """Return the expression of the first dialect that a span speaks, '' for none.

    Scopes and keys are looked up in lists whose places are the ranks of the dialects. A prefix is
    mostly a key's first word, and is looked up as that: searching texts for all prefixes costs as
    much as reading the span.
    """
    scopes: Ranked = []
    whole: Ranked = []
    first: Ranked = []
    others: Ranked = []
    for rank, dialect in enumerate(DIALECTS):
        scopes += [(needle(name), rank) for name in dialect.scopes]
        whole += [(name, rank) for name in dialect.keys]
        for prefix in dialect.prefixes:
            one_word = prefix.endswith(".") and prefix.count(".") == 1
            (first if one_word else others).append((prefix, rank))
    ranks = [
        rank_of("key", whole),
        rank_of("substring(key, 1, position(key, '.'))", first),
        *(f"if(startsWith(key, {quote(name)}), {rank}, {NO_RANK})" for name, rank in others),
    ]
    of_keys = f"arrayMin(arrayMap(key -> least({', '.join(ranks)}), arrayConcat([''], {keys})))"
    places = ", ".join(str(rank) for rank in range(len(DIALECTS)))
    return f"""transform(
        least({rank_in(scope, scopes)}, {of_keys}),
        [{places}]::Array(UInt8), [{texts(one.name for one in DIALECTS)}], '')"""


def rank_of(text: str, ranked: Sequence[tuple[str, int]]) -> str:
    """Return the expression of the rank of a text that is one of these."""
    names, ranks = texts(name for name, _ in ranked), ", ".join(str(rank) for _, rank in ranked)
    return f"transform({text}, [{names}], [{ranks}]::Array(UInt8), {NO_RANK}::UInt8)"


def needle(name: str) -> str:
    """Return what a line that is this name holds, or one that begins so if it ends in *."""
    return "\n" + name[:-1] if name.endswith("*") else f"\n{name}\n"


def rank_in(lines: str, needles: Sequence[tuple[str, int]]) -> str:
    """Return the expression of the least rank whose needle is among some lines."""
    wanted = texts(text for text, _ in needles)
    found = f"multiSearchFirstIndex(concat('\\n', {lines}, '\\n'), [{wanted}])"
    ranks = ", ".join(map(str, (NO_RANK, *(rank for _, rank in needles))))
    return f"([{ranks}]::Array(UInt8))[{found} + 1]"


DIALECT_OF_SPAN = dialect_of("ss.scope.name", "s.attributes.key")

SPANS = f"""
SELECT
    workspace_id,
    toFixedString(s.trace_id, 16),
    toFixedString(s.span_id, 8),
    toFixedString(if(length(s.parent_span_id) = 8, s.parent_span_id, ''), 8),
    s.name,
    toUInt8(if(s.kind BETWEEN 0 AND 5, s.kind, 0)),
    {as_time("s.start_time_unix_nano")},
    {as_time("s.end_time_unix_nano")},
    toUInt8(if(s.status.code BETWEEN 0 AND 2, s.status.code, 0)),
    s.status.message,
    ss.scope.name,
    ss.scope.version,
    sender,
    {as_map("s.attributes")},
    {DIALECT_OF_SPAN} AS dialect_of_span,
    segment_name,
    receipt,
    fromUnixTimestamp64Milli(toInt64(received_at_ms), 'UTC')
FROM
(
    SELECT
        workspace_id,
        receipt,
        received_at_ms,
        substring(_file, 1, position(_file, '.') - 1) AS segment_name,
        {as_map("rs.resource.attributes")} AS sender,
        rs.scope_spans AS scopes
    FROM file({{path:String}}, 'Protobuf', {quote(STRUCTURE)})
    ARRAY JOIN resource_spans AS rs
)
ARRAY JOIN scopes AS ss
ARRAY JOIN ss.spans AS s
WHERE dialect_of_span != ''
"""  # noqa: S608 (our own text)

DECODE = f"""
INSERT INTO spans
(
    workspace_id, trace_id, span_id, parent_span_id, name, kind, started_at, ended_at, status_code,
    status_message, scope_name, scope_version, resource, attributes, dialect, segment, receipt,
    received_at
)
{SPANS}"""

# How many requests ClickHouse sees at a path; nothing at all is an answer too.
COUNT_REQUESTS = "SELECT count() AS requests FROM file({path:String}, 'Protobuf', 'receipt UInt64')"

# One thread and one block: a statement that is repeated with its token then writes the same block,
# so that deduplication by token is exact.
WHOLE = {
    "max_threads": 1,
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 0,
    # Tables have a partition for each month, and one request may reach back to 2020: the default of
    # 100 a block would refuse it from 2028 on.
    "max_partitions_per_insert_block": 0,
}

DECODE_SETTINGS = WHOLE | {
    "format_schema_source": "string",
    "format_schema": PROTO,
    "format_schema_message_name": "Request",
    "input_format_protobuf_oneof_presence": 1,
}

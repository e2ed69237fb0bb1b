"""Objects of JSON that are taken apart: each member as if it were read by itself."""

from __future__ import annotations

from pathlib import Path

from finops.clickhouse.client import Warehouse
from ingest.dialects.table import Json, Sum
from ingest.normalise import find_known
from ingest.objects import Objects
from ingest.slots import NAMES
from tests.ingest.loading import calls, take
from tests.ingest.payloads import Span, request

USAGE = "langfuse.observation.usage_details"


def test_members_that_many_sources_read_are_numbered_once() -> None:
    three = [Json("a", "x", name) for name in ("one", "two", "three")]
    alone = Json("a", "one")
    objects = Objects({"a": 7, "b": 9}, [*three, alone, Sum(three[0], Json("b", "one"))])
    assert objects.members == {three[0]: 10, three[1]: 11, three[2]: 12}


def test_the_usage_of_langfuse_is_parsed_once() -> None:
    said = find_known("langfuse", frozenset({NAMES[USAGE]})).query
    assert said.count(f"JSONExtractString(attribute_{NAMES[USAGE]}, 'input") == 0
    assert said.count(f"JSONExtractKeysAndValues(texts[indexOf(names, {NAMES[USAGE]})], 'S") == 1


def test_members_count_as_one_by_one(ch: Warehouse, tmp_path: Path) -> None:
    """The first of two with one name counts, once; texts that are numbers do, and null doesn't."""
    given = [
        '{"input": 5, "input": 7, "input_cached_tokens": "3", "output": null, "output_text": 9}',
        '{"input": true, "input_tokens": 11, "output": {"of": 2}, "output_tokens": 1.5}',
        '["input", 4]',
        '{"input": 5,',
        '{"prompt_tokens": 8, "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": null}}',
        '{"prompt_tokens": 8, "prompt_tokens_details": "{\\"cached_tokens\\": 2}"}',
    ]
    spans = [
        Span(
            {"langfuse.observation.type": "generation", "gen_ai.request.model": "m", USAGE: usage},
            span_id=number.to_bytes(8, "big"),
        )
        for number, usage in enumerate(given, 1)
    ]
    take(ch, tmp_path, request(*spans))
    rows = calls(ch, ("input_tokens", "cache_read_tokens", "output_tokens"))
    assert [(r["input_tokens"], r["cache_read_tokens"], r["output_tokens"]) for r in rows] == [
        (5, 3, None),
        (11, None, None),
        (None, None, None),
        (None, None, None),
        (6, 2, None),
        (8, None, None),
    ]

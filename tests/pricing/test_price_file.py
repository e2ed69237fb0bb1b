from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from finops.pricing.errors import CatalogueRefused
from finops.pricing.price_file import MOST_BYTES, read_price_file
from tests.pricing.price_files import as_file, provider

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIERED = {"base": 1.25, "tiers": [{"start": 200000, "price": 2.5}]}
DATED = [
    {"prices": {"input_mtok": 3, "output_mtok": 15}},
    {"constraint": {"start_date": "2026-10-14"}, "prices": {"input_mtok": 2, "output_mtok": 10}},
    {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 1, "output_mtok": 5}},
]


def test_a_file_is_read_into_exact_rates_with_its_newest_price() -> None:
    content = as_file(
        [
            provider("acme", {"long": {"input_mtok": TIERED, "output_mtok": 10}}),
            provider("dated", {"m": DATED}),
        ]
    )
    read = read_price_file(content)

    assert (read.models, len(read.rates)) == (2, 5)
    long = [rate for rate in read.rates if rate.model == "long"]
    assert [(rate.context_above, rate.prices.input) for rate in long] == [
        (0, Decimal("0.00000125")),
        (200_000, Decimal("0.0000025")),
    ]
    assert read.newest_price(NOW) == date(2026, 10, 14)
    # 0.1 in a file is a tenth, not the float next to it
    tenth = read_price_file(as_file([provider("a", {"m": {"input_mtok": 0.1}})]))
    assert tenth.rates[0].prices.input == Decimal("0.0000001")


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def with_price(price: Any) -> bytes:
    return as_file([provider("a", {"m": {"input_mtok": price}})])


def matched_by(pattern: str) -> bytes:
    odd = provider("a", {"m": {"input_mtok": 1}})
    odd["models"][0]["match"] = {"or": [{"equals": "m"}, {"regex": pattern}]}
    return as_file([odd])


TWICE = b'[{"id": "a", "id": "b", "name": "A", "api_pattern": "x", "models": []}]'
HOSTILE = {
    "nothing": (b"", "not JSON"),
    "no UTF-8": (b"\xff\xfe[]", "UTF-8"),
    "cut off": (as_file([provider("a", {})])[:-9], "not JSON"),
    "an object": (b"{}", "a list of providers"),
    "no provider": (b"[]", "no provider"),
    "no price": (as_file([provider("a", {})]), "no price"),
    "another list": (b'[{"a": 1}]', "can't read this file"),
    "too large": (b" " * (MOST_BYTES + 1), "larger than 16 MiB"),
    "too deep": (nested(100_000), "nested deeper"),
    "deep in a text": (json.dumps(["[" * 100]).encode(), "can't read this file"),
    "one name twice": (TWICE, "twice in one object"),
    "no number": (b'[{"id": NaN}]', "NaN"),
    "long integer": (b"[" + b"9" * 5_000 + b"]", "too long"),
    "huge exponent": (with_price(1).replace(b": 1}", b": 1e999999999}"), "can't be compiled"),
    "too dear": (with_price(10**12), "nobody charges"),
    "negative": (with_price(-1), "nobody charges"),
    "a word for a price": (with_price("much"), "can't read this file"),
    "providers twice": (as_file([provider("a", {"m": {"input_mtok": 1}})] * 2), "2 times"),
    "a name of nothing": (as_file([provider(" ", {"m": {"input_mtok": 1}})]), "no usable name"),
    "a name with a newline": (
        as_file([provider("a", {"m\nx": {"input_mtok": 1}})]),
        "no usable name",
    ),
    "many dates": (as_file([provider("a", {"m": DATED * 50})]), "more dated prices"),
    "many tiers": (
        with_price({"base": 1, "tiers": [{"start": n, "price": 1} for n in range(1, 200)]}),
        "more dated prices",
    ),
    "wrong pattern": (matched_by("(["), "is wrong"),
    "endless pattern": (matched_by("^(a+)+$"), "take for ever"),
    "endless branches": (matched_by("^(a|aa)*$"), "take for ever"),
    "many long parts": (matched_by("^a*b*c*d$"), "take for ever"),
    "counted parts": (matched_by("^(a?){50}a{50}$"), "take for ever"),
    "long pattern": (matched_by("a" * 400), "longer than"),
    "before 1970": (
        as_file(
            [
                provider(
                    "a",
                    {
                        "m": [
                            {"prices": {"input_mtok": 1}},
                            {
                                "constraint": {"start_date": "0001-01-01"},
                                "prices": {"input_mtok": 2},
                            },
                        ]
                    },
                )
            ]
        ),
        "1970 to 2099",
    ),
}


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_damaged_or_hostile_file_is_refused_at_once_in_words(content: bytes, words: str) -> None:
    began = time.monotonic()
    with pytest.raises(CatalogueRefused, match=words) as refused:
        read_price_file(content)
    assert len(str(refused.value)) < 600
    assert time.monotonic() - began < 5


def test_the_patterns_of_the_installed_catalogue_are_all_taken() -> None:
    from genai_prices.data import providers

    from finops.pricing.price_file import check_pattern

    def patterns(clause: Any) -> Any:
        if hasattr(clause, "regex"):
            yield clause.regex
        for inner in (*getattr(clause, "or_", ()), *getattr(clause, "and_", ())):
            yield from patterns(inner)

    found = [
        pattern
        for one in providers
        for clause in (one.model_match, one.provider_match, *(m.match for m in one.models))
        for pattern in patterns(clause)
    ]
    assert len(found) > 50
    for pattern in found:
        check_pattern(pattern)

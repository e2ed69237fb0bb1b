"""The rules of the other tests can fail: each one does, on a row that breaks it."""

from __future__ import annotations

from typing import Any

import pytest

from finops.focus.columns import Version
from finops.focus.gpu_rows import gpu_rows
from finops.focus.token_rows import SkuBook, token_rows
from finops.focus.versions import VERSIONS, version_named
from finops.focus.write_csv import csv_pieces
from tests.focus.lines import ACME, line, metered, prices
from tests.focus.rules import violations
from tests.focus.test_gpu_rows import BUSY, IDLE

GPT = prices(input="2.5", output="10")


def good_rows(version: Version) -> list[dict[str, Any]]:
    one = line(
        metered("input", 1000, "0.0025"),
        metered("output", 10, "0.0001"),
        contracted=GPT,
        listed=GPT,
        feature="chat",
        region="eu-west-1",
    )
    return [
        *token_rows(one, ACME, SkuBook()),
        *gpu_rows([BUSY, IDLE], ACME, splits=version.splits),
    ]


def written(rows: list[dict[str, Any]], version: Version) -> str:
    return "".join(csv_pieces(rows, version))


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_what_is_written_keeps_every_rule(version: Version) -> None:
    assert violations(written(good_rows(version), version), version.name) == []


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"BilledCost": None}, "BilledCost is null"),
        ({"SkuId": None}, "SkuId is null"),
        ({"ListCost": 1}, "ListUnitPrice x PricingQuantity is not ListCost"),
        ({"ContractedCost": 1}, "ContractedUnitPrice x PricingQuantity is not ContractedCost"),
        ({"ConsumedUnit": None}, "ConsumedQuantity and ConsumedUnit are not null together"),
        ({"RegionName": None}, "RegionId and RegionName are not null together"),
        ({"ConsumedUnit": "tokens"}, "ConsumedUnit is not a unit"),
        ({"ServiceCategory": "AI"}, "ServiceCategory is 'AI'"),
        ({"ServiceCategory": "Compute"}, "ServiceSubcategory has another parent"),
        ({"ChargeCategory": "Purchase"}, "ChargeCategory is 'Purchase'"),
        ({"Tags": "chat"}, "Tags is not JSON"),
        ({"Tags": '{"a": {"b": 1}}'}, "Tags is nested"),
        ({"RegionId": "null"}, "RegionId writes a null as 'null'"),
        ({"SkuPriceId": "openai/gpt-4o/output/standard/eu-west-1/10"}, "has two SkuIds"),
        ({"AllocatedResourceId": "acme"}, "a charge that is not split names an allocation"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_broken_row_is_named(version: Version, broken: dict[str, Any], named: str) -> None:
    rows = good_rows(version)
    rows[0] = {**rows[0], **broken}
    assert any(named in each for each in violations(written(rows, version), version.name))


def test_ratios_that_miss_a_part_are_named() -> None:
    version = version_named("1.4")
    text = written(good_rows(version)[:-1], version)
    assert any("ratios don't sum to 1" in each for each in violations(text, "1.4"))


def test_a_file_of_another_version_is_named() -> None:
    text = written([], version_named("1.2"))
    found = violations(text, "1.4")
    assert "column HostProviderName is missing" in found
    assert "column ProviderName was removed" in found

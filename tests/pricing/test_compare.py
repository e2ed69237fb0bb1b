"""LiteLLM's list beside ours: golden verdicts, checked by hand against both."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from finops.pricing.compare import compare, read_litellm
from finops.pricing.errors import CatalogueRefused
from finops.pricing.in_force import installed, rates_of

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def entry(provider: str, **prices: str) -> dict[str, Any]:
    return {"litellm_provider": provider, "mode": "chat", **prices}


# Numbers as LiteLLM writes them.
THEIRS = """{
  "sample_spec": {"litellm_provider": "one of", "input_cost_per_token": 0.0},
  "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06},
  "azure/gpt-4o": {"litellm_provider": "azure", "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05},
  "gemini/gemini-2.5-pro": {"litellm_provider": "gemini", "input_cost_per_token": 1.25e-06,
    "output_cost_per_token": 1e-05, "input_cost_per_token_above_200k_tokens": 2.5e-06},
  "mistral/mistral-large-latest": {"litellm_provider": "mistral",
    "input_cost_per_token": 5e-07, "output_cost_per_token": 1.5e-06},
  "anthropic.claude-sonnet-4-5-20250929-v1:0": {"litellm_provider": "bedrock_converse",
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05},
  "dall-e-2": {"litellm_provider": "openai", "output_cost_per_pixel": 0.0},
  "nobody/x": {"litellm_provider": "nobody", "input_cost_per_token": 1e-06}
}"""


def test_the_golden_verdicts() -> None:
    found = compare(read_litellm(THEIRS.encode()), rates_of(installed()), AT)

    told = [
        (f"{one.provider}/{one.model}", one.meter, one.verdict, f"{one.ours}", f"{one.theirs}")
        for one in found.opinions
        if one.verdict != "only_ours"
    ]
    bedrock = "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert told == [
        (bedrock, "input", "differ", "3.3", "3"),
        (bedrock, "output", "differ", "16.5", "15"),
        ("azure/openai/gpt-4o", "input", "agree", "2.5", "2.5"),
        ("azure/openai/gpt-4o", "output", "agree", "1E+1", "1E+1"),
        ("google/gemini-2.5-pro", "input", "agree", "1.25", "1.25"),
        ("google/gemini-2.5-pro", "output", "agree", "1E+1", "1E+1"),
        ("mistral/mistral-large", "input", "differ", "2", "0.5"),
        ("mistral/mistral-large", "output", "differ", "6", "1.5"),
        ("openai/gpt-4o", "input", "agree", "2.5", "2.5"),
        ("openai/gpt-4o", "cache_read", "agree", "1.25", "1.25"),
        ("openai/gpt-4o", "output", "agree", "1E+1", "1E+1"),
    ]
    assert found.unknown == ["nobody/x"]
    mini = [
        one for one in found.opinions if one.model == "gpt-4o-mini" and one.provider == "openai"
    ]
    assert [(one.meter, one.verdict) for one in mini] == [
        ("input", "only_ours"),
        ("output", "only_ours"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"[]", "one object by model"), (b"{", "not JSON"), (b'{"a": 1}', "no model")],
)
def test_another_file_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(CatalogueRefused, match=words):
        read_litellm(content)


def test_prices_that_are_no_prices_are_left_out() -> None:
    odd = {"a": entry("openai", input_cost_per_token="much"), "b": entry("openai")}
    found = compare(read_litellm(json.dumps(odd).encode()), [], AT)
    assert (found.opinions, found.unknown) == ([], [])


@pytest.mark.django_db
def test_the_command_tells_what_differs(tmp_path: Path) -> None:
    file, out = tmp_path / "prices.json", StringIO()
    file.write_text(THEIRS)
    call_command("compare_prices", str(file), stdout=out)
    assert "7 prices agree, 4 differ" in out.getvalue()
    assert "mistral/mistral-large input: ours $2.00, LiteLLM's $0.50" in out.getvalue()
    with pytest.raises(CommandError, match="can't be read"):
        call_command("compare_prices", str(tmp_path / "none.json"))

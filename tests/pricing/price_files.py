"""Small files in the form of genai-prices' data.json."""

from __future__ import annotations

import json
from typing import Any


def provider(name: str, models: dict[str, Any], **given: Any) -> dict[str, Any]:
    """A provider with models by name, each with its prices as the file has them."""
    return {
        "id": name,
        "name": name.title(),
        "api_pattern": f"https://api\\.{name}\\.com",
        "models": [
            {"id": model, "match": {"equals": model}, "prices": prices}
            for model, prices in models.items()
        ],
        **given,
    }


def as_file(providers: Any) -> bytes:
    return json.dumps(providers).encode()

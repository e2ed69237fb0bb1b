"""How the pages call things that have no name of their own."""

from __future__ import annotations

from finops.queries import Dimension

NAMELESS: dict[Dimension, str] = {
    "tenant": "unattributed",
    "model": "no model named",
    "provider": "no provider named",
}
REASONS = {
    "no_model": "no model was sent",
    "no_rate": "no rate is known for this model",
    "no_usage": "no token counts were sent",
}


def name_of(dimension: Dimension, value: str) -> str:
    return value or NAMELESS.get(dimension, f"no {dimension}")

"""How the next token is chosen among a model's scores."""

from __future__ import annotations

from dataclasses import dataclass

from finops.engine.errors import InvalidSampling


@dataclass(frozen=True)
class Sampling:
    """Temperature 0 takes the best token; else one is drawn among the likeliest `top_p`.

    A request with the same prompt, settings and seed gets the same tokens, whoever else is served
    beside it. Raises InvalidSampling.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        # Written so that a NaN is refused too.
        if not 0.0 <= self.temperature <= 100.0:
            raise InvalidSampling(f"temperature must be from 0 to 100, not {self.temperature}.")
        if not 0.0 < self.top_p <= 1.0:
            raise InvalidSampling(f"top_p must be above 0 and at most 1, not {self.top_p}.")

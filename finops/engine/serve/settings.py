"""What a server is told: which model, how it batches, who may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from finops.engine.serve.service import Limits

POLICIES = ("continuous", "dynamic", "static")


@dataclass(frozen=True)
class Batching:
    """How requests share steps; None stands for a default that depends on the rest."""

    policy: str = "continuous"
    blocks: int | None = None
    max_seqs: int | None = None
    max_tokens: int | None = None
    max_model_len: int | None = None
    max_wait_ms: float = 50.0
    max_waiting: int = 1000
    reserve: bool = False


@dataclass(frozen=True)
class Simulated:
    """What is simulated: names of the catalogue, or the deployment of a profile."""

    model: str | None = None
    gpu: str | None = None
    precision: str | None = None
    kv: str | None = None
    tp: int | None = None
    pp: int | None = None
    backend: str | None = None
    profile: Path | None = None
    catalogue: tuple[Path, ...] = ()
    tokenizer: Path | None = None
    answer_tokens: int = 200
    speed_up: float = 1.0


@dataclass(frozen=True)
class Real:
    """A model that is run: its folder, and on what."""

    folder: Path
    device: str = "cpu"
    dtype: str = "fp32"
    quantize: str | None = None


@dataclass(frozen=True)
class Settings:
    """All that a server is told."""

    runs: Simulated | Real
    batching: Batching = field(default_factory=Batching)
    name: str | None = None
    limits: Limits = field(default_factory=Limits)
    api_key: str = ""
    provider: str | None = None

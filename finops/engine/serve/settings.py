"""What a server is told: which model, how it batches, who may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from finops.engine.serve.errors import ServeError
from finops.engine.serve.service import Limits

POLICIES = ("continuous", "dynamic", "static")
# 268 million tokens: more than any memory holds, and what a list of free blocks can be made for.
MOST_BLOCKS = 2**24
MOST_WAIT_MS = 3_600_000.0


def check_whole(holder: object, *names: str) -> None:
    """Raise ServeError unless each of the fields is left out or at least 1."""
    for name in names:
        value = getattr(holder, name)
        if value is not None and value < 1:
            raise ServeError(f"{option(name)} must be at least 1, not {value}.")


def option(name: str) -> str:
    """A setting as it is written on the command line."""
    return f"--{name.replace('_', '-')}"


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

    def __post_init__(self) -> None:
        check_whole(self, "blocks", "max_seqs", "max_tokens", "max_model_len", "max_waiting")
        if self.blocks is not None and self.blocks > MOST_BLOCKS:
            raise ServeError(f"--blocks can be {MOST_BLOCKS} at most, not {self.blocks}.")
        if not 0 <= self.max_wait_ms <= MOST_WAIT_MS:
            raise ServeError(f"--max-wait-ms must be from 0 to an hour, not {self.max_wait_ms}.")


@dataclass(frozen=True)
class Simulated:
    """What is simulated: names of the catalogue, or the deployment of a profile."""

    model: str | None = None
    gpu: str | None = None
    precision: str | None = None
    kv: str | None = None
    tp: int | None = None
    pp: int | None = None
    ep: int | None = None
    backend: str | None = None
    profile: Path | None = None
    catalogue: tuple[Path, ...] = ()
    tokenizer: Path | None = None
    answer_tokens: int = 200
    speed_up: float = 1.0

    def __post_init__(self) -> None:
        check_whole(self, "tp", "pp", "ep")


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

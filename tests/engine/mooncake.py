"""The prompts of Mooncake's conversation trace, by their blocks of 512 tokens."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path

TRACE = Path(__file__).parent / "recorded" / "mooncake_conversation.csv.gz"


@cache
def mooncake() -> list[tuple[int, tuple[int, ...]]]:
    """Length and block hashes of every prompt: see recorded/README.md."""
    prompts: list[tuple[int, tuple[int, ...]]] = []
    new = 0
    with gzip.open(TRACE, "rt") as file:
        for at, row in enumerate(csv.DictReader(file)):
            back, shared, tokens = int(row["back"]), int(row["shared"]), int(row["tokens"])
            start = prompts[at - back][1][:shared] if shared else ()
            blocks = -(-tokens // 512) - shared
            prompts.append((tokens, start + tuple(range(new, new + blocks))))
            new += blocks
    return prompts

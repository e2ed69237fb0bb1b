"""What people call a GPU or a model, and which entry they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from finops.engine.errors import UnknownEntry
from finops.engine.shapes import Gpu, Model

Entry = TypeVar("Entry", Gpu, Model)
# As drivers name GPUs: "NVIDIA H100 80GB HBM3", "NVIDIA GeForce RTX 4090".
MAKERS = re.compile(r"^((nvidia|amd|instinct|google|tesla|geforce)-)+")
# What is added to a name without changing the shape.
SUFFIX = re.compile(
    r"[-.](instruct|hf|chat|base|it|thinking|v0\.\d|\d{4}|dynamic|quantized|kv|bf16|fp8|fp4|nvfp4"
    r"|mxfp4|awq|gptq|int4|int8|w8a8|w4a16|bnb-4bit|marlin|sxm\d?|hbm\d?e?|\d+gb)$"
)
MEMORY = re.compile(r"-(\d+)gb\b")


def plain(name: str) -> str:
    """A name as it is compared: lower case, hyphens between its parts."""
    return name.strip().lower().replace(" ", "-").replace("_", "-")


def find(kind: str, entries: Mapping[str, Entry], name: str) -> Entry:
    """The entry of that name, whoever made it, suffixes that change no shape aside.

    `entries` are by plain name. Raises UnknownEntry, with names that are near.
    """
    key = MAKERS.sub("", plain(name).rsplit("/", 1)[-1])
    while key not in entries and (shorter := SUFFIX.sub("", key)) != key:
        key = shorter
    found = entries.get(key)
    if found is not None and has_memory_of(found, name):
        return found
    near = get_close_matches(MAKERS.sub("", plain(name).rsplit("/", 1)[-1]), entries, 3, 0.7)
    hint = f" Near it: {', '.join(near)}." if near else ""
    raise UnknownEntry(
        f"No {kind} {name[:100]} in the catalogue; add it in a YAML file of your own.{hint}"
    )


def has_memory_of(entry: Gpu | Model, name: str) -> bool:
    """Whether a size of memory in the name, as in "A100-SXM4-40GB", is that of the entry."""
    said = MEMORY.search(plain(name))
    if said is None or isinstance(entry, Model):
        return True
    return abs(int(said[1]) - entry.memory_gb) <= 0.1 * entry.memory_gb

"""The text of a type, as Map(LowCardinality(String), Enum8('a,b' = 1)), taken apart."""

from __future__ import annotations

import re

TYPE = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)
NAMED = re.compile(r"\s*(?:`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|[A-Za-z_]\w*)\s+(.+)", re.DOTALL)
PIECE = re.compile(
    r"'[^'\\]*(?:\\.[^'\\]*)*'|`[^`\\]*(?:\\.[^`\\]*)*`|\"[^\"\\]*(?:\\.[^\"\\]*)*\"|[(),]|[^'`\"(),]+",
    re.DOTALL,
)


def split_name(type_name: str) -> tuple[str, str]:
    """Split `Name(arguments)`; both are '' when it is no type at all."""
    found = TYPE.fullmatch(type_name)
    return (found[1], found[2] or "") if found else ("", "")


def arguments(inside: str) -> list[str]:
    """Split at the commas that are outside of brackets and quotes."""
    parts, depth = [""], 0
    for piece in PIECE.findall(inside):
        if piece == "," and not depth:
            parts.append("")
            continue
        depth += (piece == "(") - (piece == ")")
        parts[-1] += piece
    return [part.strip() for part in parts] if inside.strip() else []


def element_type(element: str) -> str:
    """The type of a tuple's element, which may be led by a name."""
    found = NAMED.fullmatch(element)
    return found[1] if found else element

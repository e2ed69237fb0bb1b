"""The tokens of a ClickHouse statement: enough of them to never mistake a string for a keyword."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Possessive repeats (*+, ++) keep no way back, so a long string costs no memory and no time.
TOKEN = re.compile(
    r"""
    (?P<blank>   \s++ | --[^\n]*+ | \#[!\ ][^\n]*+ | /\*.*?\*/ )
  | (?P<string>  '(?:[^'\\]++|\\.|'')*+' | \$(?P<tag>\w*+)\$.*?\$(?P=tag)\$ )
  | (?P<quoted>  `(?:[^`\\]++|\\.|``)*+` | "(?:[^"\\]++|\\.|"")*+" )
  | (?P<word>    [A-Za-z_]\w*+ )
  | (?P<number>  \d[\w.]*+ )
  | (?P<sign>    . )
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it stands; `word` is the bare word in capitals, '' for anything else."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""

    @property
    def is_name(self) -> bool:
        """True for what can name a table or a column."""
        return self.kind in ("word", "quoted")


@dataclass(frozen=True, slots=True)
class Scan:
    """The first tokens of a text, which say what it is, and what is to know of the rest."""

    tokens: list[Token]
    end: int
    """Where the statement ends: before the semicolons at its end."""
    several: bool
    """There is more after a semicolon."""


def scan(sql: str, most: int = 50_000) -> Scan:
    """Read a text; millions of rows in VALUES are passed over without being kept."""
    tokens: list[Token] = []
    end, several = -1, False
    for found in TOKEN.finditer(sql):
        if found.lastgroup == "blank":
            continue
        if found[0] == ";":
            end = found.start() if end < 0 else end
        elif end >= 0:
            several = True
        elif len(tokens) < most:
            tokens.append(Token(str(found.lastgroup), found[0], found.start(), found.end()))
    return Scan(tokens, len(sql) if end < 0 else end, several)


def tokens_of(text: str) -> list[Token]:
    """All tokens of a short text but blanks and comments."""
    return scan(text).tokens


def top_level(tokens: list[Token]) -> Iterator[tuple[Token, int]]:
    """The tokens outside of brackets, with their place in the list; an opening one included."""
    depth = 0
    for place, token in enumerate(tokens):
        if token.kind == "sign" and token.text in ")]}":
            depth -= 1
        elif not depth:
            yield token, place
        if token.kind == "sign" and token.text in "([{":
            depth += 1

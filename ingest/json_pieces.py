"""A large OTLP/JSON request cut into pieces that are parsed one after the other.

A parsed JSON text takes up to thirty times its size in memory: `[{},{},…]`. As in pieces.py,
bounding the piece bounds the memory. The text is walked with two expressions that find the ends of
strings, objects and lists; whether the text is JSON is left to the parser of the pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.errors import BadRequest, TooLarge
from ingest.pieces import MAX_FIELD_BYTES, MAX_HEAD_BYTES

PIECE_BYTES = 1024**2
# Most values that are walked: the most spans that one request may have, and room.
MAX_WALKED = 150_000
# Objects and lists in all: those of 10,000 spans with 40 attributes each.
MAX_BRACKETS = 1_500_000

STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
SPACE = re.compile(rb"[ \t\r\n]*+")
NAME = re.compile(rb"[ \t\r\n]*+(" + STRING + rb")[ \t\r\n]*+:[ \t\r\n]*+")
TOKEN = re.compile(STRING + rb"|[{}\[\]]")
PLAIN = re.compile(rb'[^,\]}\[{"]++')
OPEN, CLOSE = b"{[", b"}]"

# The lists that are cut, from the outside in, in the words of each signal.
LEVELS = (
    frozenset({b'"resourceSpans"', b'"resourceMetrics"', b'"resourceLogs"'}),
    frozenset({b'"scopeSpans"', b'"scopeMetrics"', b'"scopeLogs"'}),
    frozenset({b'"spans"', b'"metrics"', b'"logRecords"'}),
)
SPANS = b'"spans"'
ATTRIBUTES = b'"attributes"'
WRONG = "The body is no JSON: a text, list or object doesn't end as it should."

Span = tuple[int, int]


class JsonPieces:
    """Iterates over JSON requests that together say what `body` says; `dropped` counts cut texts.

    Raises BadRequest where the body is no JSON, TooLarge where it can't be cut.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.dropped = 0
        self.walked = 0
        # Where large values end, found when what is around them was walked: begin -> end.
        self._ends: dict[int, int] = {}

    def __iter__(self) -> Iterator[bytes]:
        if self.body.count(b"{") + self.body.count(b"[") > MAX_BRACKETS:
            raise TooLarge("The request has too many spans or attributes; send less at once.")
        start = self.skip_space(0)
        return self.cut((start, self.end_of(start)), 0, b"")

    def cut(self, place: Span, level: int, of: bytes) -> Iterator[bytes]:
        """Yield objects whose members are together those of the object at `place`."""
        start, end = place
        if end - start <= PIECE_BYTES:
            yield self.body[start:end]
        elif level == len(LEVELS):
            yield self.thin(place, of)
        else:
            yield from self.share_out(place, level)

    def share_out(self, place: Span, level: int) -> Iterator[bytes]:
        head: list[bytes] = []
        lists: list[tuple[bytes, Span]] = []
        for name, value in self.members(place):
            if snake_as_camel(name) in LEVELS[level] and self.body[value[0]] == ord("["):
                lists.append((name, value))
            else:
                head.append(name + b":" + self.body[value[0] : value[1]])
        if sum(map(len, head)) > MAX_HEAD_BYTES:
            raise TooLarge(f"A resource or scope has more than {MAX_HEAD_BYTES} bytes.")
        for name, value in lists:
            for share in self.shares(name, value, level):
                yield b"{" + b",".join([*head, name + b":[" + share + b"]"]) + b"}"
        if not lists:
            yield b"{" + b",".join(head) + b"}"

    def shares(self, name: bytes, place: Span, level: int) -> Iterator[bytes]:
        """Yield the elements of a list in groups, those that are too large cut up."""
        share: list[bytes] = []
        size = 0
        for element in self.elements(place):
            for part in self.cut(element, level + 1, name):
                if size and size + len(part) > PIECE_BYTES:
                    yield b",".join(share)
                    share, size = [], 0
                share.append(part)
                size += len(part)
        yield b",".join(share)

    def thin(self, place: Span, of: bytes) -> bytes:
        """Leave out of a span the attributes that are large: texts that would be dropped anyway."""
        if of != SPANS:
            raise TooLarge(f"A metric or log record has more than {PIECE_BYTES} bytes.")
        members = []
        for name, value in self.members(place):
            text = self.small_elements(value) if name == ATTRIBUTES else self.small(value)
            if text is not None:
                members.append(name + b":" + text)
        thinned = b"{" + b",".join(members) + b"}"
        if len(thinned) > PIECE_BYTES:
            raise TooLarge(f"A span has more than {PIECE_BYTES} bytes without its texts.")
        return thinned

    def small_elements(self, place: Span) -> bytes:
        kept = [text for value in self.elements(place) if (text := self.small(value)) is not None]
        return b"[" + b",".join(kept) + b"]"

    def small(self, place: Span) -> bytes | None:
        if place[1] - place[0] <= MAX_FIELD_BYTES:
            return self.body[place[0] : place[1]]
        self.dropped += 1
        return None

    def members(self, place: Span) -> Iterator[tuple[bytes, Span]]:
        """Yield each member's name, in quotes, and where its value is."""
        at = self.enter(place[0], "{")
        while self.body[at] != ord("}"):
            name = NAME.match(self.body, at)
            if name is None:
                raise BadRequest(WRONG)
            end = self.end_of(name.end())
            yield name[1], (name.end(), end)
            at = self.after(end)

    def elements(self, place: Span) -> Iterator[Span]:
        at = self.enter(place[0], "[")
        while self.body[at] != ord("]"):
            end = self.end_of(at)
            yield at, end
            at = self.after(end)

    def enter(self, at: int, opening: str) -> int:
        if self.body[at : at + 1] != opening.encode():
            raise BadRequest(WRONG)
        return self.skip_space(at + 1)

    def after(self, at: int) -> int:
        """Return where the next value or the closing bracket is."""
        self.walked += 1
        if self.walked > MAX_WALKED:
            raise TooLarge("The request has too many spans or attributes; send less at once.")
        at = self.skip_space(at)
        return self.skip_space(at + 1) if self.body[at] == ord(",") else at

    def skip_space(self, at: int) -> int:
        found = SPACE.match(self.body, at)
        end = found.end() if found else at
        if end >= len(self.body):
            raise BadRequest(WRONG)
        return end

    def end_of(self, at: int) -> int:
        """Return where the value that begins at `at` ends."""
        first = self.body[at : at + 1]
        if first not in (b"{", b"[", b'"'):
            plain = PLAIN.match(self.body, at)
            if plain is None:
                raise BadRequest(WRONG)
            return plain.end()
        return self._ends.get(at) or self.walk(at)

    def walk(self, at: int) -> int:
        """Return where a text, object or list ends, and note where the large ones in it do."""
        inside: list[int] = []
        for token in TOKEN.finditer(self.body, at):
            kind = token[0]
            if kind in OPEN:
                inside.append(token.start())
            elif kind in CLOSE:
                began = inside.pop() if inside else at
                if token.end() - began > PIECE_BYTES:
                    self._ends[began] = token.end()
            if not inside:
                return token.end()
        raise BadRequest(WRONG)


def snake_as_camel(name: bytes) -> bytes:
    """Return a member's name in the spelling of LEVELS."""
    first, *rest = name.split(b"_")
    return first + b"".join(part.capitalize() for part in rest)

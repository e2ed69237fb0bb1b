"""From text to token ids and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Sequence as Rows
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from finops.engine.serve.errors import NoTokenizer

# A piece is about what tokenizers of today make of text: four letters, with the space before them.
# Spaces and line ends leave their last space to the word that follows.
PIECE = re.compile(r" ?[^\W\d_]{1,4}|\d{1,3}|\s+(?!\S)|\s|[^\w\s]|_")
KNOWN_IDS = 2**16


class Tokenizer(Protocol):
    """A model's tokens; nothing of it keeps state between calls."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text."""

    def decode(self, ids: Rows[int]) -> str:
        """The text of token ids; bytes that are no whole character become U+FFFD."""


class ByteTokenizer:
    """One token for each byte of UTF-8: for models without a tokenizer of their own."""

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, ids: Rows[int]) -> str:
        return bytes(token for token in ids if token < 256).decode(errors="replace")


class PieceTokenizer:
    """Counts text in pieces about as long as real tokens, for models that are only simulated.

    Equal pieces have equal ids, so that prefixes are found again. Only pieces of `known` texts have
    an id below 65,536 and can be decoded; all others get a 48-bit hash above and decode to nothing.
    """

    def __init__(self, known: Iterable[str]) -> None:
        pieces = dict.fromkeys(piece for text in known for piece in PIECE.findall(text))
        self.pieces = list(pieces)[:KNOWN_IDS]
        self.ids = {piece: number for number, piece in enumerate(self.pieces)}

    def encode(self, text: str) -> list[int]:
        ids = self.ids
        return [
            number if (number := ids.get(piece)) is not None else hashed(piece)
            for piece in PIECE.findall(text)
        ]

    def decode(self, ids: Rows[int]) -> str:
        return "".join(self.pieces[token] for token in ids if token < len(self.pieces))


def hashed(piece: str) -> int:
    """An id above all known ones, the same in every process."""
    digest = blake2b(piece.encode(errors="surrogatepass"), digest_size=6).digest()
    return KNOWN_IDS + int.from_bytes(digest, "big")


class FileTokenizer:
    """A model's own tokenizer.json, read by the package `tokenizers`; raises NoTokenizer."""

    def __init__(self, path: Path) -> None:
        try:
            from tokenizers import Tokenizer as Reader  # noqa: PLC0415 (extra `engine`)
        except ImportError:
            raise NoTokenizer(
                f"{path.name} needs the package `tokenizers`, which the extra `engine` brings: "
                "pip install 'inferledger-server[engine]', or leave --tokenizer out."
            ) from None
        try:
            self.reader = Reader.from_file(str(path))
        except Exception as error:  # the package raises nothing narrower
            raise NoTokenizer(f"{path} can't be read as a tokenizer.json: {error}.") from None

    def encode(self, text: str) -> list[int]:
        # The chat's template writes the special tokens that it wants.
        return list(self.reader.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Rows[int]) -> str:
        return str(self.reader.decode(list(ids), skip_special_tokens=True))

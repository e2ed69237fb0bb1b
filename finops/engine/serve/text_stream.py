"""Text of tokens as they come, until a stop sequence."""

from __future__ import annotations

from finops.engine.serve.tokens import Tokenizer

UNFINISHED = "�"
# A character has at most four bytes; what is no text after so many tokens will never be.
PATIENCE = 8


class TextStream:
    """Turns one answer's tokens into text that may be sent.

    Held back is what may still change: half a character, and the beginning of a stop sequence.
    """

    def __init__(self, tokenizer: Tokenizer, stops: tuple[str, ...] = ()) -> None:
        self.tokenizer = tokenizer
        self.stops = stops
        self.stopped = False
        self.window: list[int] = []
        self.read = 0  # tokens of the window whose text is known
        self.held = ""

    def add(self, token: int) -> str:
        """The text that this token makes certain; `stopped` tells that a stop sequence was met."""
        text = self.held + self._decode(token)
        found = [at for stop in self.stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self.held = ""
            return text[: min(found)]
        keep = max((overlap(text, stop) for stop in self.stops), default=0)
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back, when nothing more comes."""
        if self.stopped:
            return ""
        decode = self.tokenizer.decode
        text = self.held + decode(self.window)[len(decode(self.window[: self.read])) :]
        self.window, self.read, self.held = [], 0, ""
        return text

    def _decode(self, token: int) -> str:
        """New text; decoding the tokens before along with it keeps the spaces between words."""
        self.window.append(token)
        decode = self.tokenizer.decode
        before, text = decode(self.window[: self.read]), decode(self.window)
        waiting = len(self.window) - self.read
        if text.endswith(UNFINISHED) and waiting < PATIENCE:
            return ""
        new = text[len(before) :]
        self.window = self.window[self.read :]
        self.read = len(self.window)
        return new


def overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` are a beginning of `stop`, short of all of it."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0

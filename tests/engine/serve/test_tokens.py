"""Text to tokens and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.engine.serve.errors import NoTokenizer
from finops.engine.serve.text_stream import TextStream
from finops.engine.serve.tokens import (
    KNOWN_IDS,
    PIECE,
    ByteTokenizer,
    FileTokenizer,
    PieceTokenizer,
)

TEXTS = st.text(st.characters(codec="utf-8"))
BYTES = ByteTokenizer()


@given(TEXTS)
def test_bytes_come_back_as_the_text_they_were(text: str) -> None:
    assert BYTES.decode(BYTES.encode(text)) == text


@given(TEXTS)
def test_pieces_hold_every_character_once(text: str) -> None:
    assert "".join(PIECE.findall(text)) == text


def test_a_piece_is_up_to_four_letters_with_the_space_before() -> None:
    assert PIECE.findall("What did 12345 calls cost?\n\n It") == [
        "What", " did", " ", "123", "45", " call", "s", " cost", "?", "\n\n", " It"
    ]  # fmt: skip


def test_known_pieces_are_decoded_and_others_only_counted() -> None:
    pieces = PieceTokenizer((" the call",))
    ids = pieces.encode(" the call came")
    assert ids[:2] == [0, 1]
    assert ids[2] >= KNOWN_IDS
    assert pieces.decode(ids) == " the call"
    assert PieceTokenizer(()).encode(" came") == ids[2:]  # in any process


def test_a_file_is_read_by_its_own_rules(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    path.write_text(
        json.dumps(
            {
                "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                "normalizer": None, "pre_tokenizer": {"type": "WhitespaceSplit"},
                "post_processor": None, "decoder": None,
                "model": {"type": "WordLevel", "vocab": {"one": 0, "two": 1, "?": 2},
                          "unk_token": "?"},
            }
        )
    )  # fmt: skip
    own = FileTokenizer(path)
    assert own.encode("two one three") == [1, 0, 2]
    assert own.decode([1, 0]) == "two one"


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(NoTokenizer, match="can't be read"):
        FileTokenizer(path)


@given(TEXTS)
def test_a_stream_of_bytes_is_the_text_in_whole_characters(text: str) -> None:
    stream = TextStream(BYTES)
    parts = [stream.add(token) for token in BYTES.encode(text)]
    assert "".join([*parts, stream.rest()]) == text
    if "�" not in text:
        assert not any("�" in part for part in parts)


STOPS = st.lists(st.text("ab", min_size=1, max_size=4), max_size=3)


@given(st.text("abc", max_size=40), STOPS)
def test_a_stream_ends_before_its_first_stop_sequence(text: str, stops: list[str]) -> None:
    # A stop sequence counts as soon as it is whole: of all that are, the first to be complete.
    ends = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops if stop in text]
    first = min((end for end, _ in ends), default=None)
    expected = text if first is None else text[: min(at for end, at in ends if end == first)]
    stream = TextStream(BYTES, tuple(stops))
    said = ""
    for token in BYTES.encode(text):
        said += stream.add(token)
        assert expected.startswith(said)
        if stream.stopped:
            break
    assert said + stream.rest() == expected
    assert stream.stopped == (first is not None)


def test_bytes_that_never_become_a_character_are_not_held_for_ever() -> None:
    stream = TextStream(BYTES)
    parts = [stream.add(0xFF) for _ in range(20)]
    assert any(parts)
    assert "".join([*parts, stream.rest()]) == "�" * 20

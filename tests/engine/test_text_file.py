"""Files as people have them: gzipped, cut short, missing or no text at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from finops.engine.errors import InvalidProfile
from finops.engine.text_file import text_of

PACKED = gzip.compress(b"one line\n" * 100, mtime=0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"\xc3\xb6"),
        ("a.txt.gz", gzip.compress(b"\xc3\xb6", mtime=0)),
        ("bom", b"\xef\xbb\xbf\xc3\xb6"),
    ],
)
def test_a_file_is_read_gzipped_or_not_and_with_a_byte_order_mark(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert text_of(tmp_path / name, InvalidProfile) == "ö"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cut.gz", PACKED[:20], "cut.gz is broken: .* Copy it again."),
        ("other.gz", PACKED[:10] + b"\xff\xff" + PACKED[12:], "other.gz is broken"),
        ("plain.gz", b"one line", "plain.gz can't be read: Not a gzipped file"),
        ("latin", b"\xf6", "latin is not text in UTF-8"),
        ("missing", None, "missing can't be read: No such file"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidProfile, match=said):
        text_of(tmp_path / name, InvalidProfile)

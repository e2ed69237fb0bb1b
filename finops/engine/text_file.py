"""Text files that others wrote, gzipped or not."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path


def text_of(path: Path, refused: type[Exception]) -> str:
    """The text of a file, in UTF-8; raises `refused` with a sentence that names the file."""
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(f"{path.name} is not text in UTF-8.") from error
    except OSError as error:
        raise refused(f"{path.name} can't be read: {error.strerror or error}.") from error
    except (EOFError, zlib.error) as error:
        raise refused(f"{path.name} is broken: gzip says {error}. Copy it again.") from error

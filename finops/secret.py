"""The secret key: from the environment, or generated once into the data folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from finops.config import Config


def load_secret_key(config: Config) -> str:
    """Return the key that signs sessions; made at the first start, readable by the owner only.

    Raises ConfigError when the data folder can't be used.
    """
    if config.secret_key is not None:
        return config.secret_key.get_secret_value()
    path = config.make_data_dir() / "secret_key"
    try:
        write_once(path, secrets.token_urlsafe(48))
        return path.read_text()
    except OSError as error:
        raise config.no_data_dir(error) from None


def write_once(path: Path, text: str) -> None:
    """Write a private file unless it exists; two processes at once agree on one content."""
    if path.exists():
        return
    # a name that no other process draws, in another container with our process id for example
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        # link, unlike rename, refuses to replace what another process wrote a moment ago
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()

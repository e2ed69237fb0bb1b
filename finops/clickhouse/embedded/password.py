"""The password of the embedded server, made at its first start and kept beside its data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from finops.clickhouse.embedded.errors import StartupRefused


def read_password(data_dir: Path) -> str:
    """Return the password in DIR/password, writing a new one (mode 0600) when there is none."""
    path = data_dir / "password"
    if not path.exists():
        _write(path, secrets.token_urlsafe(24))
    path.chmod(0o600)
    password = path.read_text().strip()
    if not password:
        raise StartupRefused(f"{path} is empty. Remove it, and a new password is made.")
    return password


def _write(path: Path, password: str) -> None:
    """Write under another name first, so that nobody ever reads half a password."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

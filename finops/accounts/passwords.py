"""Generated passwords: 24 characters of an alphabet without look-alikes, about 137 bits."""

from __future__ import annotations

import secrets

# no 0 and O, no 1, I and l
ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LENGTH = 24


def generate_password() -> str:
    """Return a new password to be shown once."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))

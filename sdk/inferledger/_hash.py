"""Keyed hashes: they tell whether two prompts are equal, and nothing else about them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_DIGEST_BYTES = 8


def hash_key(secret: str | bytes) -> bytes:
    """Derive the hashing key from a secret, so that the secret itself keys nothing else."""
    raw = secret.encode() if isinstance(secret, str) else secret
    return hashlib.blake2b(raw, digest_size=32, person=b"inferledger-hash").digest()


def keyed_hash(value: Any, key: bytes) -> str:
    """16 hexadecimal digits of keyed BLAKE2b over a text, or over canonical JSON of messages."""
    text = value if isinstance(value, str) else _canonical(value)
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES, key=key).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain
    )


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    raise TypeError(f"{type(value).__qualname__} is neither JSON nor a pydantic model")

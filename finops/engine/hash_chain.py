"""Hash chains of token ids: the hash of a block stands for all tokens up to its end."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from hashlib import blake2b
from struct import Struct


def hash_chain(
    tokens: Rows[int], block_size: int, key: bytes, known: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """64-bit keyed hashes of the full blocks of `tokens`, each over the one before and its tokens.

    Keyed BLAKE2b: who doesn't know the key can't make two prompts meet. The same key gives the same
    chains in every process. `known` is the chain of the first blocks, if it was made before.
    """
    pack = Struct(f"<{block_size}Q").pack
    before = known[-1].to_bytes(8, "little") if known else b""
    chain = list(known)
    for end in range((len(known) + 1) * block_size, len(tokens) + 1, block_size):
        block = pack(*tokens[end - block_size : end])
        before = blake2b(before + block, digest_size=8, key=key).digest()
        chain.append(int.from_bytes(before, "little"))
    return tuple(chain)

"""Hash chains: what a block's hash stands for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finops.engine.hash_chain import hash_chain


def test_a_chain_names_every_prefix_of_full_blocks() -> None:
    tokens = list(range(50))
    chain = hash_chain(tokens, 16, b"key")
    assert len(chain) == 3
    assert hash_chain(tokens[:33], 16, b"key") == chain[:2]
    assert hash_chain([*tokens[:16], 99, *tokens[17:]], 16, b"key")[0] == chain[0]
    assert hash_chain([*tokens[:16], 99, *tokens[17:]], 16, b"key")[1:] != chain[1:]
    assert not set(hash_chain(tokens, 16, b"other")) & set(chain)
    assert not set(hash_chain([1, *tokens[1:]], 16, b"key")) & set(chain)


@given(st.lists(st.integers(0, 2**63), max_size=70), st.integers(0, 4))
def test_a_chain_goes_on_where_it_ended(tokens: list[int], known: int) -> None:
    whole = hash_chain(tokens, 16, b"key")
    assert hash_chain(tokens, 16, b"key", whole[:known]) == whole
    assert all(0 <= link < 2**64 for link in whole)

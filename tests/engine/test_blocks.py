"""The pool of blocks, whatever is asked of it: what is found, what is evicted, what is refused."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from finops.engine.blocks import BlockPool
from finops.engine.sequence import Sequence
from tests.engine.watched import check_blocks


def drawn_sequence(rng: Random, index: int, size: int) -> Sequence:
    """A prompt of up to eight blocks that shares any part of its prefix with any other."""
    prompt, hashes, at = rng.randint(1, 8 * size), [], 0
    for _ in range(prompt // size):
        at = 2 * at + rng.randint(1, 2)  # a node of a binary tree stands for the way to it
        hashes.append(at)
    return Sequence(index, 0, prompt, target=1, hashes=tuple(hashes))


def admit(pool: BlockPool, seq: Sequence) -> bool:
    """Admit `seq`, if it fits, and check every consequence; whether it fitted."""
    found, idle, spare = dict(pool.block_of), list(pool.idle.values()), len(pool.spare)
    chain = seq.hashes[: (seq.prompt - 1) // pool.block_size]
    missing = [at for at, key in enumerate(chain) if key not in found]
    hits = chain[: missing[0]] if missing else chain
    new = -(-seq.prompt // pool.block_size) - len(hits)
    # A hit that nobody holds costs its place too, and is never evicted for its own sequence.
    evictable = [key for key in idle if key not in hits]
    fits = new <= spare + len(evictable)
    assert pool.admit(seq, seq.prompt) == fits
    # Found until its block is taken, the longest idle first, and not one more than necessary.
    gone = set(evictable[: max(0, new - spare)]) if fits else set()
    assert pool.block_of == {key: block for key, block in found.items() if key not in gone}
    if fits:
        assert seq.blocks[: len(hits)] == [found[key] for key in hits]
        assert (seq.computed, len(seq.blocks)) == (len(hits) * pool.block_size, len(hits) + new)
    return fits


def compute(pool: BlockPool, seq: Sequence, count: int) -> None:
    """Compute more of the prompt of `seq`: full blocks are found from then on, no others."""
    found = set(pool.block_of)
    seq.computed += count
    pool.publish(seq, seq.computed)
    assert set(pool.block_of) == found | set(seq.hashes[: seq.computed // pool.block_size])


def release(pool: BlockPool, seq: Sequence) -> None:
    """Give back all that `seq` has: nothing is forgotten, and its leaves are idle the longest."""
    found, idle, blocks = dict(pool.block_of), list(pool.idle), list(seq.blocks)
    pool.release(seq)
    assert pool.block_of == found
    newly = [block for block in reversed(blocks) if block in pool.idle]
    assert list(pool.idle) == idle + newly


@given(st.integers(0, 2**20), st.sampled_from((1, 4)), st.integers(8, 24), st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_a_hash_is_found_until_its_block_is_taken_and_hits_are_unbroken_chains(
    seed: int, size: int, total: int, moves: int
) -> None:
    rng, pool, live = Random(seed), BlockPool(total, size), list[Sequence]()
    for index in range(moves):
        seq = drawn_sequence(rng, index, size)
        if admit(pool, seq):
            live.append(seq)
        chosen = rng.choice(live) if live else seq
        if rng.random() < 0.7 and chosen.computed < chosen.prompt:
            compute(pool, chosen, rng.randint(1, chosen.prompt - chosen.computed))
        elif chosen in live and rng.random() < 0.7:
            release(pool, chosen)
            live.remove(chosen)
        check_blocks(pool, live)


def test_blocks_are_promised_once_and_redeemed_by_whoever_needs_them() -> None:
    pool = BlockPool(4, 16)
    assert pool.promise(3)
    assert pool.available == 1
    assert not pool.promise(2)
    # One who is admitted meanwhile gets none of the promised ones.
    assert not pool.admit(Sequence(0, 0, prompt=17, target=1), 17)
    assert pool.admit(Sequence(1, 0, prompt=16, target=1), 16)
    assert pool.available == 0
    assert sorted(pool.redeem(2) + pool.redeem(1)) == [1, 2, 3]
    assert pool.redeem(0) == []
    assert (pool.promised, pool.spare) == (0, [])

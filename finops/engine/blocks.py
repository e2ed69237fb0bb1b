"""Paged memory of the KV cache: blocks, who holds them, and what is left in those nobody holds.

A block is spare (nothing worth keeping in it), private (one sequence holds it), shared (published
under the hash of the whole prefix that ends in it; counted), or idle (published, held by nobody).
Spare blocks go first; then idle ones, the longest idle first. A sequence gives its blocks back from
its tail, so a prefix is never evicted before what follows it.
"""

from __future__ import annotations

from collections import OrderedDict

from finops.engine.sequence import Sequence


class BlockPool:
    """`total` blocks of `block_size` tokens; a hash stands for exactly one chain of tokens."""

    def __init__(self, total: int, block_size: int) -> None:
        self.total = total
        self.block_size = block_size
        self.tokens = total * block_size
        self.spare: list[int] = list(range(total - 1, -1, -1))
        self.idle: OrderedDict[int, int] = OrderedDict()  # block: hash, longest idle first
        self.block_of: dict[int, int] = {}  # hash: block, shared or idle
        self.hash_of: dict[int, int] = {}  # block: hash, shared or idle
        self.holders: dict[int, int] = {}  # block: sequences, shared only
        self.promised = 0  # of the spare ones: taken already, in whose table isn't written yet

    @property
    def available(self) -> int:
        """Blocks that can be taken now."""
        return len(self.spare) - self.promised + len(self.idle)

    def blocks_for(self, tokens: int) -> int:
        """Blocks that hold so many tokens."""
        return -(-tokens // self.block_size)

    def take(self, count: int) -> list[int]:
        """`count` blocks for one holder; the caller has looked at `available`."""
        self.promise(count)
        return self.redeem(count)

    def promise(self, count: int) -> bool:
        """Take `count` blocks for holders that are named later, by `redeem`; False: too few."""
        if self.promised + count > len(self.spare) and not self._make_spare(count):
            return False
        self.promised += count
        return True

    def redeem(self, count: int) -> list[int]:
        """The numbers of `count` promised blocks, for one holder."""
        if count <= 0:
            return []
        self.promised -= count
        taken = self.spare[-count:]
        del self.spare[-count:]
        return taken

    def _make_spare(self, count: int) -> bool:
        """Evict until `count` blocks are spare beside the promised ones; False: too few."""
        if count > self.available:
            return False
        for _ in range(self.promised + count - len(self.spare)):
            block, key = self.idle.popitem(last=False)
            del self.block_of[key], self.hash_of[block]
            self.spare.append(block)
        return True

    def match(self, seq: Sequence) -> list[int]:
        """The blocks of the longest prefix that is there; its last token is never among it."""
        found: list[int] = []
        for key in seq.hashes[: (seq.total - 1) // self.block_size]:
            block = self.block_of.get(key)
            if block is None:
                break
            found.append(block)
        return found

    def can_admit(self, seq: Sequence, hits: list[int], tokens: int) -> bool:
        """Whether `tokens` tokens of `seq` fit; an idle block that is hit costs its place too."""
        pinned = sum(1 for block in hits if block in self.idle) if hits else 0
        return self.blocks_for(tokens) - len(hits) + pinned <= self.available

    def admit(self, seq: Sequence, tokens: int) -> bool:
        """Give `seq` its hits, and blocks for the rest of `tokens` tokens; False: too few."""
        if not seq.hashes:
            count, spare = -(-tokens // self.block_size), self.spare
            if self.promised + count > len(spare) and not self._make_spare(count):
                return False
            seq.blocks = spare[-count:]
            del spare[-count:]
            return True
        hits = self.match(seq)
        if not self.can_admit(seq, hits, tokens):
            return False
        for block in hits:
            if self.idle.pop(block, None) is None:
                self.holders[block] += 1
            else:
                self.holders[block] = 1
        seq.published = len(hits)
        seq.computed = len(hits) * self.block_size
        seq.blocks = hits + self.take(self.blocks_for(tokens) - len(hits))
        return True

    def publish(self, seq: Sequence, tokens: int) -> None:
        """Make the full blocks of the first `tokens` tokens, which are computed, findable.

        Where another sequence has published the same prefix meanwhile, `seq` shares that block and
        gives its own back.
        """
        for at in range(seq.published, min(tokens // self.block_size, len(seq.hashes))):
            key, own = seq.hashes[at], seq.blocks[at]
            there = self.block_of.get(key)
            if there is None:
                self.block_of[key] = own
                self.hash_of[own] = key
                self.holders[own] = 1
            else:
                seq.blocks[at] = there
                self.spare.append(own)
                if self.idle.pop(there, None) is None:
                    self.holders[there] += 1
                else:
                    self.holders[there] = 1
            seq.published = at + 1

    def release(self, seq: Sequence) -> None:
        """Take all blocks back, tail first; what was published stays findable."""
        if seq.hashes:
            self.publish(seq, seq.computed)
            for block in reversed(seq.blocks):
                self._give_back(block)
            seq.published = 0
        else:
            self.spare += seq.blocks
        seq.blocks = []
        seq.computed = 0

    def _give_back(self, block: int) -> None:
        holders = self.holders.get(block)
        if holders is None:
            self.spare.append(block)
        elif holders > 1:
            self.holders[block] = holders - 1
        else:
            del self.holders[block]
            self.idle[block] = self.hash_of[block]

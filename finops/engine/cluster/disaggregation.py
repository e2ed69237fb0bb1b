"""Prefill and decode apart: how keys and values get from one to the other, and where they wait."""

from __future__ import annotations

from dataclasses import dataclass

from finops.engine.blocks import BlockPool
from finops.engine.errors import InvalidPolicy
from finops.engine.sequence import Sequence


@dataclass(frozen=True)
class Disaggregation:
    """The `prefill` group computes prompts and first tokens, the `decode` group all others.

    A transfer takes `latency_ps` + prompt tokens × `token_ps` of the sender's link, which sends one
    prompt after the other. DistServe and NVIDIA Dynamo serve like that.
    """

    prefill: str = "prefill"
    decode: str = "decode"
    latency_ps: int = 0
    token_ps: int = 0

    def __post_init__(self) -> None:
        if min(self.latency_ps, self.token_ps) < 0:
            raise InvalidPolicy("A transfer can't take less than no time.")

    @classmethod
    def over(
        cls,
        kv_bytes_per_token: float,
        link_gb_s: float,
        latency_ps: int = 0,
        prefill: str = "prefill",
        decode: str = "decode",
    ) -> Disaggregation:
        """The same from the bytes stored for a token, all layers, and a link's 10⁹ bytes/s."""
        token_ps = round(kv_bytes_per_token / link_gb_s * 1_000)
        return cls(prefill, decode, latency_ps, token_ps)

    def transfer_ps(self, prompt: int) -> int:
        """Picoseconds of the link for a prompt."""
        return self.latency_ps + prompt * self.token_ps


class ReceivingPool(BlockPool):
    """Blocks of a decode replica; some are kept for sequences whose prompt is on its way."""

    def __init__(self, total: int, block_size: int) -> None:
        super().__init__(total, block_size)
        self.kept: dict[Sequence, list[int]] = {}

    def keep(self, seq: Sequence, tokens: int) -> bool:
        """Take blocks for `tokens` tokens of `seq` that is to come; False: too few."""
        count = self.blocks_for(tokens)
        if count > self.available:
            return False
        self.kept[seq] = self.take(count)
        return True

    def forget(self, seq: Sequence) -> None:
        """Take the blocks back: the client has given up."""
        self.spare.extend(self.kept.pop(seq))

    def admit(self, seq: Sequence, tokens: int) -> bool:
        """Give `seq` what was kept for it, its prompt computed; or what any other would get."""
        blocks = self.kept.pop(seq, None)
        if blocks is None:
            return super().admit(seq, tokens)
        seq.blocks, seq.published, seq.computed = blocks, 0, seq.prompt
        return True


class Hold(Sequence):
    """Pins the blocks of a prompt on the prefill replica until it has been sent."""

    __slots__ = ()

    @classmethod
    def of(cls, seq: Sequence, pool: BlockPool) -> Hold:
        """Take what `seq`, which has just released its blocks, had: nobody else was in between."""
        hold = cls(seq.index, seq.arrival, seq.prompt, 2, hashes=seq.hashes)
        hold.total = seq.prompt + 1  # so that its last full block is found too
        pool.admit(hold, seq.prompt)  # what has just been there fits
        return hold

"""Runs a real model: the executor of a scheduler's steps in PyTorch (extra `engine`).

```python
executor = LlamaExecutor.load(folder, blocks=4096)
scheduler = Scheduler(Policy(blocks=4096))
executor.start(seq, prompt, Sampling())
scheduler.add(seq)
while scheduler.live:
    step = scheduler.schedule(now)
    tokens = executor.execute(step)
    for seq in scheduler.apply(step, now):
        executor.end(seq)
```
"""

from __future__ import annotations

from collections.abc import Sequence as Rows
from pathlib import Path

import torch

from finops.engine.errors import InvalidPrompt, UnsupportedDevice
from finops.engine.llama.batch import batch_of
from finops.engine.llama.model import Cache, Llama
from finops.engine.llama.sampler import choose_all
from finops.engine.sampling import Sampling
from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class LlamaExecutor:
    """A model and its paged cache. `blocks` and `block_size` must be those of the scheduler.

    In fp32 a sequence's scores differ by about 1e-6 of their size between two ways of batching, as
    sums run in another order; so greedy tokens are the same unless the two best are that close. In
    bf16 the difference is about 1e-2, and answers of a batch can part from those of a lone request.
    """

    def __init__(self, model: Llama, blocks: int, block_size: int = 16) -> None:
        self.model = model
        self.block_size = block_size
        self.cache = cache_of(model, blocks, block_size)
        self.known: dict[int, list[int]] = {}
        self.sampling: dict[int, Sampling] = {}

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        blocks: int,
        block_size: int = 16,
        device: str = "cpu",
        dtype: str = "fp32",
        quantize: str | None = None,
    ) -> LlamaExecutor:
        """Read config.json and the safetensors files of a folder.

        Raises UnreadableModel, UnsupportedModel, or UnsupportedDevice where this machine or this
        build of PyTorch lacks what is asked for.
        """
        if dtype not in DTYPES:
            raise UnsupportedDevice(f"dtype can be {' or '.join(DTYPES)}, not {dtype}.")
        with torch.inference_mode():
            model = Llama.load(folder, DTYPES[dtype], device_named(device), quantize)
            return cls(model, blocks, block_size)

    def start(self, seq: Sequence, prompt: Rows[int], sampling: Sampling) -> None:
        """Take in a new request; raises InvalidPrompt."""
        config = self.model.config
        if seq.index in self.known:
            raise InvalidPrompt(f"Sequence {seq.index} has been started already.")
        if not prompt or len(prompt) != seq.prompt:
            raise InvalidPrompt(
                f"The prompt has {len(prompt)} tokens and not {seq.prompt} or more."
            )
        if not all(0 <= token < config.vocab for token in prompt):
            raise InvalidPrompt(f"Tokens must be from 0 to {config.vocab - 1}.")
        if seq.prompt + seq.target > config.max_positions:
            raise InvalidPrompt(
                f"Prompt and answer may have {config.max_positions} tokens together, "
                f"and {seq.prompt} + {seq.target} are asked for."
            )
        self.known[seq.index] = list(prompt)
        self.sampling[seq.index] = sampling

    def execute(self, step: Step) -> dict[int, int]:
        """Compute a step; the tokens of the sequences that caught up, by index."""
        if not step.work:
            return {}
        with torch.inference_mode():
            batch = batch_of(step, self.known, self.block_size, self.model.device)
            scores = self.model.scores(batch, self.cache)
            wishes = [(self.sampling[seq.index], seq.generated) for seq in batch.emitting]
            chosen = choose_all(scores, wishes)
        tokens = {seq.index: token for seq, token in zip(batch.emitting, chosen, strict=True)}
        for index, token in tokens.items():
            self.known[index].append(token)
        return tokens

    def end(self, seq: Sequence) -> None:
        """Forget a sequence; one that is not known is none to forget."""
        self.known.pop(seq.index, None)
        self.sampling.pop(seq.index, None)


def cache_of(model: Llama, blocks: int, block_size: int) -> Cache:
    """An empty cache; raises UnsupportedDevice if the memory is too small for it."""
    try:
        return Cache.of(model, blocks, block_size)
    except RuntimeError:
        size = 2 * model.config.layers * model.config.kv_heads * model.config.head_dim
        gigabytes = size * blocks * block_size * model.dtype.itemsize / 1e9
        raise UnsupportedDevice(
            f"{blocks} blocks of {block_size} tokens need {gigabytes:,.1f} GB beside the weights, "
            f"which {model.device} doesn't have: take fewer blocks."
        ) from None


def device_named(name: str) -> torch.device:
    """cpu, cuda or cuda:1; raises UnsupportedDevice if it isn't there."""
    if name.partition(":")[0] not in {"cpu", "cuda"}:
        raise UnsupportedDevice(f"The device can be cpu or cuda, not {name}.")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UnsupportedDevice(f"The device {name} can't be used here: {reason}") from None
    return device

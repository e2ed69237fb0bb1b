"""What a step asks of the model: its tokens in one row, and where keys and values are and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass

import torch
from torch import Tensor

from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence


@dataclass(frozen=True)
class Chunk:
    """Several tokens of one sequence: rows `start` to `stop` of the batch.

    `slots` [context] are the places of all its keys; `seen` [rows, context] says which of them each
    row attends to.
    """

    start: int
    stop: int
    slots: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Decodes:
    """One token of each of several sequences of like length, their contexts padded to the longest.

    `rows` [sequences] of the batch; `slots` [sequences, context]; `seen` [sequences, context].
    """

    rows: Tensor
    slots: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Batch:
    """Tokens [n], their positions [n] and the slots [n] in which their keys and values go.

    `last` are the rows whose next token is asked for, in the order of `emitting`.
    """

    tokens: Tensor
    positions: Tensor
    slots: Tensor
    chunks: list[Chunk]
    decodes: list[Decodes]
    last: Tensor
    emitting: list[Sequence]


def slots_of(seq: Sequence, tokens: int, block_size: int) -> Tensor:
    """Places of the first `tokens` tokens in a cache of blocks × block_size slots."""
    blocks = torch.tensor(seq.blocks[: -(-tokens // block_size)], dtype=torch.int64)
    slots = blocks[:, None] * block_size + torch.arange(block_size)
    return slots.flatten()[:tokens]


def batch_of(
    step: Step, known: Mapping[int, Rows[int]], block_size: int, device: torch.device
) -> Batch:
    """The work of a step; `known` are the tokens of each sequence by its index."""
    tokens: list[int] = []
    positions: list[Tensor] = []
    slots: list[Tensor] = []
    last: list[int] = []
    emitting: list[Sequence] = []
    chunks: list[Chunk] = []
    alike: dict[int, list[tuple[int, Tensor]]] = defaultdict(list)
    for seq, count in step.work:
        start, end = len(tokens), seq.computed + count
        tokens += known[seq.index][seq.computed : end]
        context = slots_of(seq, end, block_size)
        positions.append(torch.arange(seq.computed, end))
        slots.append(context[seq.computed :])
        if count > 1:
            chunks.append(chunk_of(start, count, context, device))
        else:
            # Lengths within a factor of two share a group: at most half of it is padding.
            alike[end.bit_length()].append((start, context))
        if end == seq.total:
            last.append(len(tokens) - 1)
            emitting.append(seq)
    return Batch(
        tokens=torch.tensor(tokens).to(device),
        positions=torch.cat(positions).to(device),
        slots=torch.cat(slots).to(device),
        chunks=chunks,
        decodes=[decodes_of(group, device) for group in alike.values()],
        last=torch.tensor(last, dtype=torch.int64).to(device),
        emitting=emitting,
    )


def chunk_of(start: int, count: int, context: Tensor, device: torch.device) -> Chunk:
    length = len(context)
    rows = torch.arange(length - count, length)
    seen = torch.arange(length) <= rows[:, None]
    return Chunk(start, start + count, context.to(device), seen.to(device))


def decodes_of(group: list[tuple[int, Tensor]], device: torch.device) -> Decodes:
    rows = torch.tensor([row for row, _ in group])
    lengths = torch.tensor([len(context) for _, context in group])
    slots = torch.nn.utils.rnn.pad_sequence([context for _, context in group], batch_first=True)
    seen = torch.arange(slots.shape[1]) < lengths[:, None]
    return Decodes(rows.to(device), slots.to(device), seen.to(device))

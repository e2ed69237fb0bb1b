"""What a step asks of the model: its tokens in one row, and where keys and values are and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence


@dataclass(frozen=True)
class Chunk:
    """Several tokens of one sequence: rows `start` to `stop` of the batch.

    `blocks` [n] hold all its keys; `seen` [rows, n × block_size] says which each row attends to.
    """

    start: int
    stop: int
    blocks: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Decodes:
    """One token of each of several sequences of like length, as many blocks for each.

    `rows` [sequences] of the batch; `blocks` [sequences, n]; `seen` [sequences, n × block_size].
    """

    rows: Tensor
    blocks: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Batch:
    """Tokens [n], their positions [n] and the slots [n] in which their keys and values go.

    A slot is block × block_size + place in it. `last` are the rows whose next token is asked for,
    in the order of `emitting`.
    """

    tokens: Tensor
    positions: Tensor
    slots: Tensor
    chunks: list[Chunk]
    decodes: list[Decodes]
    last: Tensor
    emitting: list[Sequence]


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
    alike: dict[int, list[tuple[int, int, Tensor]]] = defaultdict(list)
    for seq, count in step.work:
        start, end = len(tokens), seq.computed + count
        tokens += known[seq.index][seq.computed : end]
        blocks = torch.tensor(seq.blocks[: -(-end // block_size)], dtype=torch.int64)
        places = torch.arange(seq.computed, end)
        positions.append(places)
        slots.append(blocks[places // block_size] * block_size + places % block_size)
        if count > 1:
            seen = torch.arange(len(blocks) * block_size) <= places[:, None]
            chunks.append(Chunk(start, start + count, blocks.to(device), seen.to(device)))
        else:
            # Lengths within a factor of two share a group: at most half of it is padding.
            alike[len(blocks).bit_length()].append((start, end, blocks))
        if end == seq.total:
            last.append(len(tokens) - 1)
            emitting.append(seq)
    return Batch(
        tokens=torch.tensor(tokens).to(device),
        positions=torch.cat(positions).to(device),
        slots=torch.cat(slots).to(device),
        chunks=chunks,
        decodes=[decodes_of(group, block_size, device) for group in alike.values()],
        last=torch.tensor(last, dtype=torch.int64).to(device),
        emitting=emitting,
    )


def decodes_of(
    group: list[tuple[int, int, Tensor]], block_size: int, device: torch.device
) -> Decodes:
    """Rows, lengths and blocks of sequences as one; the shorter are filled up with block 0."""
    rows, lengths, tables = zip(*group, strict=True)
    blocks = pad_sequence(list(tables), batch_first=True)
    seen = torch.arange(blocks.shape[1] * block_size) < torch.tensor(lengths)[:, None]
    return Decodes(torch.tensor(rows).to(device), blocks.to(device), seen.to(device))

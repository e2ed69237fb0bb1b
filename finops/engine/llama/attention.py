"""Attention of a batch over the paged cache.

Query heads that share a head of keys and values are rows of one product: nothing is repeated. Each
sequence with several tokens is a call of its own; sequences with one token share calls.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from finops.engine.llama.batch import Batch, Chunk, Decodes


def attend(queries: Tensor, keys: Tensor, values: Tensor, batch: Batch) -> Tensor:
    """Queries [tokens, heads, dim]; keys and values [blocks, block_size, kv heads, dim]."""
    answers = torch.empty_like(queries)
    for chunk in batch.chunks:
        part = attend_chunk(queries[chunk.start : chunk.stop], keys, values, chunk)
        answers[chunk.start : chunk.stop] = part
    for group in batch.decodes:
        answers[group.rows] = attend_one(queries[group.rows], keys, values, group)
    return answers


def attend_chunk(queries: Tensor, keys: Tensor, values: Tensor, chunk: Chunk) -> Tensor:
    """Tokens of one sequence: [count, heads, dim]."""
    count, heads, dim = queries.shape
    shared = heads // keys.shape[2]
    asked = (
        queries.view(count, -1, shared, dim).permute(1, 2, 0, 3).reshape(1, -1, shared * count, dim)
    )
    found = scaled_dot_product_attention(
        asked,
        gathered(keys, chunk.blocks[None]),
        gathered(values, chunk.blocks[None]),
        attn_mask=chunk.seen.repeat(shared, 1),
    )
    return found.view(-1, shared, count, dim).permute(2, 0, 1, 3).reshape(count, heads, dim)


def attend_one(queries: Tensor, keys: Tensor, values: Tensor, group: Decodes) -> Tensor:
    """One token of each sequence: [sequences, heads, dim]."""
    rows, heads, dim = queries.shape
    shared = heads // keys.shape[2]
    found = scaled_dot_product_attention(
        queries.view(rows, -1, shared, dim),
        gathered(keys, group.blocks),
        gathered(values, group.blocks),
        attn_mask=group.seen[:, None, None, :],
    )
    return found.reshape(rows, heads, dim)


def gathered(stored: Tensor, blocks: Tensor) -> Tensor:
    """Blocks [sequences, n] of the cache as [sequences, kv heads, n × block_size, dim].

    Whole blocks are copied: three times as fast on a CPU as slot by slot.
    """
    _, _, heads, dim = stored.shape
    found = stored.index_select(0, blocks.flatten())
    return found.view(len(blocks), -1, heads, dim).transpose(1, 2)

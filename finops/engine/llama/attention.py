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
    """Queries [tokens, heads, dim] over keys and values [slots, kv heads, dim]: like queries."""
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
    shared = heads // keys.shape[1]
    asked = (
        queries.view(count, -1, shared, dim).permute(1, 2, 0, 3).reshape(1, -1, shared * count, dim)
    )
    found = scaled_dot_product_attention(
        asked,
        keys[chunk.slots].transpose(0, 1)[None],
        values[chunk.slots].transpose(0, 1)[None],
        attn_mask=chunk.seen.repeat(shared, 1),
    )
    return found.view(-1, shared, count, dim).permute(2, 0, 1, 3).reshape(count, heads, dim)


def attend_one(queries: Tensor, keys: Tensor, values: Tensor, group: Decodes) -> Tensor:
    """One token of each sequence: [sequences, heads, dim]."""
    rows, heads, dim = queries.shape
    shared = heads // keys.shape[1]
    found = scaled_dot_product_attention(
        queries.view(rows, -1, shared, dim),
        keys[group.slots].transpose(1, 2),
        values[group.slots].transpose(1, 2),
        attn_mask=group.seen[:, None, None, :],
    )
    return found.reshape(rows, heads, dim)

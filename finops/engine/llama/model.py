"""A decoder of the Llama architecture: a step's tokens in, scores of the next tokens out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import linear, silu

from finops.engine.llama.attention import attend
from finops.engine.llama.batch import Batch
from finops.engine.llama.config import LlamaConfig, read_config
from finops.engine.llama.quantize import Product, product_of
from finops.engine.llama.rope import frequencies, rotate, rotation
from finops.engine.llama.weights import EMBEDDING, HEAD, NORM, Weights


@dataclass(frozen=True)
class Layer:
    """One layer; q, k and v are one product, and so are gate and up."""

    before_attention: Tensor
    qkv: Product
    query_norm: Tensor | None
    key_norm: Tensor | None
    out: Product
    before_feed: Tensor
    gate_up: Product
    down: Product


@dataclass(frozen=True)
class Cache:
    """Keys and values of all layers: [layers, blocks, block_size, kv heads, head_dim]."""

    keys: Tensor
    values: Tensor

    @classmethod
    def of(cls, model: Llama, blocks: int, block_size: int) -> Cache:
        """An empty cache beside a model; unwritten slots are finite, since a mask needs that."""
        config = model.config
        shape = (config.layers, blocks, block_size, config.kv_heads, config.head_dim)
        keys = torch.zeros(shape, dtype=model.dtype, device=model.device)
        return cls(keys, torch.zeros_like(keys))


@dataclass(frozen=True)
class Llama:
    """Embedding and head stay in the format of the computation, also where layers are quantized."""

    config: LlamaConfig
    embedding: Tensor
    layers: list[Layer]
    norm: Tensor
    head: Tensor
    frequency: Tensor

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.dtype

    @property
    def device(self) -> torch.device:
        return self.embedding.device

    @classmethod
    def load(
        cls, folder: Path, dtype: torch.dtype, device: torch.device, quantize: str | None = None
    ) -> Llama:
        """Read a folder as transformers saves it; raises UnreadableModel or UnsupportedModel."""
        config = read_config(folder)
        weights = Weights(folder, config)
        embedding = weights[EMBEDDING].to(device, dtype)
        return cls(
            config,
            embedding,
            [
                Loading(weights, f"model.layers.{at}.", dtype, device, quantize).layer()
                for at in range(config.layers)
            ],
            weights[NORM].to(device, dtype),
            embedding if config.tied else weights[HEAD].to(device, dtype),
            frequencies(config).to(device),
        )

    def scores(self, batch: Batch, cache: Cache) -> Tensor:
        """Scores of every token of the vocabulary for the rows `batch.last`: fp32 [rows, vocab].

        Keys and values of the batch's tokens are written into the cache.
        """
        hidden = self.embedding[batch.tokens]
        turn = rotation(batch.positions, self.frequency, self.dtype)
        for at, layer in enumerate(self.layers):
            keys, values = cache.keys[at], cache.values[at]
            hidden = hidden + self.attention(layer, hidden, turn, keys, values, batch)
            hidden = hidden + self.feed(layer, hidden)
        return linear(self.normed(hidden[batch.last], self.norm), self.head).float()

    def attention(
        self,
        layer: Layer,
        hidden: Tensor,
        turn: tuple[Tensor, Tensor],
        keys: Tensor,
        values: Tensor,
        batch: Batch,
    ) -> Tensor:
        config = self.config
        heads, shared = config.heads, config.kv_heads
        qkv = layer.qkv(self.normed(hidden, layer.before_attention))
        parts = qkv.view(len(hidden), heads + 2 * shared, config.head_dim)
        query, key, value = torch.split(parts, [heads, shared, shared], dim=1)
        if layer.query_norm is not None and layer.key_norm is not None:
            query = self.normed(query, layer.query_norm)
            key = self.normed(key, layer.key_norm)
        keys.flatten(0, 1).index_copy_(0, batch.slots, rotate(key, turn))
        values.flatten(0, 1).index_copy_(0, batch.slots, value)
        found = attend(rotate(query, turn), keys, values, batch)
        return layer.out(found.flatten(1))

    def feed(self, layer: Layer, hidden: Tensor) -> Tensor:
        gate, up = layer.gate_up(self.normed(hidden, layer.before_feed)).chunk(2, dim=-1)
        return layer.down(silu(gate) * up)

    def normed(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """Divided by the root of the mean square, in fp32."""
        exact = hidden.float()
        mean = exact.square().mean(dim=-1, keepdim=True)
        return weight * (exact * torch.rsqrt(mean + self.config.norm_eps)).to(hidden.dtype)


@dataclass(frozen=True)
class Loading:
    """Builds one layer from the tensors under a prefix."""

    weights: Weights
    prefix: str
    dtype: torch.dtype
    device: torch.device
    quantize: str | None

    def layer(self) -> Layer:
        return Layer(
            before_attention=self.vector("input_layernorm.weight"),
            qkv=self.product("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            query_norm=self.optional("self_attn.q_norm.weight"),
            key_norm=self.optional("self_attn.k_norm.weight"),
            out=self.product("self_attn.o_proj"),
            before_feed=self.vector("post_attention_layernorm.weight"),
            gate_up=self.product("mlp.gate_proj", "mlp.up_proj"),
            down=self.product("mlp.down_proj"),
        )

    def vector(self, name: str) -> Tensor:
        return self.weights[self.prefix + name].to(self.device, self.dtype)

    def optional(self, name: str) -> Tensor | None:
        found = self.weights.get(self.prefix + name)
        return None if found is None else found.to(self.device, self.dtype)

    def product(self, *names: str) -> Product:
        """Products of the same input as one, their outputs in this order."""
        weights = [self.vector(f"{name}.weight") for name in names]
        biases = [self.optional(f"{name}.bias") for name in names]
        there = [bias for bias in biases if bias is not None]
        return product_of(torch.cat(weights), torch.cat(there) if there else None, self.quantize)

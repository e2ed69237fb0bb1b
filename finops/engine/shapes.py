"""What a model and a GPU are made of: the numbers from which the time of a step follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One accelerator by its data sheet; `link_gb_s` counts both directions.

    With `peers`, it is that of as many links, each to one other GPU: fewer GPUs use fewer of them.
    0 is a switch or a bus, over which any two have all of it.

    FLOPs are dense, without sparsity; 0 says that it can't, or that its maker doesn't say.
    `reached` is the share of bf16_tflops that large products were measured to reach.
    """

    name: str
    source: str
    memory_gb: float
    bandwidth_gb_s: float
    bf16_tflops: float
    link: str
    link_gb_s: float
    fp8_tflops: float = 0.0
    int8_tops: float = 0.0
    fp4_tflops: float = 0.0
    reached: float = 0.78
    curves: str | None = None
    peers: int = 0

    def tflops(self, activations: str) -> float:
        """FLOPs of products whose activations have that precision; 0 if unknown."""
        known = {"bf16": self.bf16_tflops, "fp8": self.fp8_tflops, "int8": self.int8_tops}
        return known.get(activations, self.fp4_tflops)


@dataclass(frozen=True)
class Model:
    """The shape of a decoder; with `experts` a mixture, with `kv_rank` multi-head latent attention.

    A layer's weights are counted in parameters; the input embedding is a look-up and left out.
    `head_dim` is that of keys without position (values too, unless `value_dim` says otherwise).
    `linear_layers` keep a state for each sequence instead of keys and values (gated delta rule):
    `linear_heads` × `linear_dim` × `linear_dim` numbers. `gated` attention has an output gate as
    wide as its queries.
    """

    name: str
    source: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    experts: int = 0
    experts_used: int = 0
    expert_ffn: int = 0
    shared_experts: int = 0
    dense_layers: int = 0
    kv_rank: int = 0
    rope_dim: int = 0
    q_rank: int = 0
    value_dim: int = 0
    window: int = 0
    window_layers: int = 0
    linear_layers: int = 0
    linear_heads: int = 0
    linear_key_heads: int = 0
    linear_dim: int = 0
    gated: int = 0
    tied: int = 0

    @property
    def attention_layers(self) -> int:
        """Layers that keep keys and values."""
        return self.layers - self.linear_layers

    @property
    def full_layers(self) -> int:
        """Layers that look at all tokens before."""
        return self.attention_layers - self.window_layers

    @property
    def attention_parameters(self) -> int:
        """Parameters of one layer's attention."""
        width = self.heads * self.head_dim
        if not self.kv_rank:
            queries = width * (2 if self.gated else 1)
            return self.hidden * (queries + width + 2 * self.kv_heads * self.head_dim)
        values = self.heads * (self.value_dim or self.head_dim)
        queried = self.q_rank * (self.hidden + width + self.heads * self.rope_dim)
        if not self.q_rank:
            queried = self.hidden * (width + self.heads * self.rope_dim)
        latent = self.hidden * (self.kv_rank + self.rope_dim) + self.kv_rank * (width + values)
        return queried + latent + values * self.hidden

    @property
    def linear_parameters(self) -> int:
        """Parameters of one linear layer: queries, keys, values, gates and the way out."""
        keys = self.linear_key_heads * self.linear_dim
        values = self.linear_heads * self.linear_dim
        return self.hidden * (2 * keys + 3 * values + 2 * self.linear_heads)

    @property
    def dense_parameters(self) -> int:
        """Parameters that every token passes: attention, dense and shared layers, output."""
        mixed = self.layers - self.dense_layers if self.experts else 0
        plain = 3 * self.hidden * self.ffn * (self.layers - mixed)
        shared = 3 * self.hidden * self.expert_ffn * self.shared_experts * mixed
        attention = self.attention_layers * self.attention_parameters
        linear = self.linear_layers * self.linear_parameters
        return attention + linear + plain + shared + self.hidden * self.vocab

    @property
    def expert_parameters(self) -> int:
        """Parameters of all routed experts of all layers."""
        mixed = self.layers - self.dense_layers if self.experts else 0
        return 3 * self.hidden * self.expert_ffn * self.experts * mixed

    @property
    def parameters(self) -> int:
        """All parameters that are stored, the input embedding included unless it is tied."""
        embedding = 0 if self.tied else self.hidden * self.vocab
        return self.dense_parameters + self.expert_parameters + embedding

    def kv_numbers(self, tp: int) -> int:
        """Numbers stored for a token on one of `tp` GPUs, all layers."""
        if self.kv_rank:
            return self.attention_layers * (self.kv_rank + self.rope_dim)  # each GPU holds all
        return 2 * self.attention_layers * max(1, self.kv_heads // tp) * self.head_dim

    def state_numbers(self, tp: int) -> int:
        """Numbers that linear layers keep for a sequence on one of `tp` GPUs."""
        heads = -(-self.linear_heads // tp)
        return self.linear_layers * heads * self.linear_dim * self.linear_dim

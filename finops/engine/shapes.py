"""What a model and a GPU are made of: the numbers from which the time of a step follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One accelerator by its data sheet; `link_gb_s` counts both directions."""

    name: str
    source: str
    memory_gb: float
    bandwidth_gb_s: float
    bf16_tflops: float
    link: str
    link_gb_s: float
    curves: str | None = None


@dataclass(frozen=True)
class Model:
    """The shape of a decoder; with `experts` a mixture, with `kv_rank` multi-head latent attention.

    A layer's weights are counted in parameters; the input embedding is a look-up and left out.
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
    window: int = 0
    window_layers: int = 0

    @property
    def attention_parameters(self) -> int:
        """Parameters of one layer's attention."""
        width = self.heads * self.head_dim
        if not self.kv_rank:
            return 2 * self.hidden * (width + self.kv_heads * self.head_dim)
        queries = self.q_rank * (self.hidden + width + self.heads * self.rope_dim)
        values = self.hidden * (self.kv_rank + self.rope_dim) + self.kv_rank * 2 * width
        return queries + values + width * self.hidden

    @property
    def dense_parameters(self) -> int:
        """Parameters that every token passes: attention, dense and shared layers, output."""
        mixed = self.layers - self.dense_layers if self.experts else 0
        plain = 3 * self.hidden * self.ffn * (self.layers - mixed)
        shared = 3 * self.hidden * self.expert_ffn * self.shared_experts * mixed
        return self.layers * self.attention_parameters + plain + shared + self.hidden * self.vocab

    @property
    def expert_parameters(self) -> int:
        """Parameters of all routed experts of all layers."""
        mixed = self.layers - self.dense_layers if self.experts else 0
        return 3 * self.hidden * self.expert_ffn * self.experts * mixed

    def kv_numbers(self, tp: int) -> int:
        """Numbers stored for a token on one of `tp` GPUs, all layers."""
        if self.kv_rank:
            return self.layers * (self.kv_rank + self.rope_dim)  # each GPU holds all of it
        return 2 * self.layers * max(1, self.kv_heads // tp) * self.head_dim

"""What runs where: a model on GPUs, in which precision, and how it is split up."""

from __future__ import annotations

from dataclasses import dataclass

from finops.engine.errors import InvalidPolicy
from finops.engine.precisions import activations_of, bytes_per_parameter
from finops.engine.shapes import Gpu, Model

KV_BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "nvfp4": 0.5625}


@dataclass(frozen=True)
class Deployment:
    """A model on GPUs: precision of weights, activations and KV cache, split, and whose kernels.

    - `activations`: of the matrix products; "" is what is usual for the weights.
    - `shared_weights`: of what isn't a routed expert, "" if as `weights`: models that are published
      with experts of 4 bits keep all else in bf16.
    - `tp`: GPUs that share each layer. `attn_dp`: groups of `tp` GPUs that each hold the attention
      of requests of their own, while the experts are spread over all of them.
    - `pp`: stages of a pipeline, each with its share of the layers. As many batches are under way
      as there are stages, and a step is one round of all: each stage gets a `pp`th of the tokens at
      a time. So a step takes as long as one with that many tokens on the GPUs of one stage, and it
      serves all. That the batches are even, and a bubble when there are fewer, isn't modelled.
    - `ep`: groups of a stage's GPUs between which whole experts are dealt out; with 1, each GPU has
      a slice of every expert. More than a stage has GPUs is as many as it has.
    - `backend`: the engine, such as "vllm 0.19.0"; chooses measured products and first constants.
    """

    model: Model
    gpu: Gpu
    weights: str = "bf16"
    kv: str = "bf16"
    tp: int = 1
    backend: str = ""
    pp: int = 1
    activations: str = ""
    attn_dp: int = 1
    shared_weights: str = ""
    ep: int = 1

    def __post_init__(self) -> None:
        bytes_per_parameter(self.weights)
        bytes_per_parameter(self.shared)
        activations_of(self.weights, self.activations)
        if self.kv not in KV_BYTES:
            raise InvalidPolicy(f"The KV cache can be {', '.join(KV_BYTES)}, not {self.kv}.")
        for name in ("tp", "pp", "attn_dp", "ep"):
            if getattr(self, name) < 1:
                raise InvalidPolicy(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.pp > self.model.layers:
            raise InvalidPolicy(f"pp can't exceed the {self.model.layers} layers.")
        if self.ep > max(1, self.model.experts):
            raise InvalidPolicy(f"ep can't exceed the {self.model.experts} experts.")
        if self.ep == 1:
            self._check_heads()

    def _check_heads(self) -> None:
        """Raise InvalidPolicy where heads can't be shared evenly, which every engine refuses."""
        model, tp = self.model, self.tp
        uneven = model.heads % tp != 0
        if not model.kv_rank:  # heads of keys are shared too, or each stored on several GPUs
            uneven = uneven or (model.kv_heads % tp != 0 and tp % model.kv_heads != 0)
        if uneven:
            raise InvalidPolicy(
                f"tp {tp} can't share the {model.heads} heads of {model.name} evenly "
                f"({model.kv_heads} of keys and values): choose a number that divides them."
            )

    @property
    def shared(self) -> str:
        """Precision of what isn't a routed expert."""
        return self.shared_weights or self.weights

    def activations_of(self, weights: str) -> str:
        """What such weights are multiplied with."""
        return activations_of(weights, self.activations if weights == self.weights else "")

    @property
    def stage_gpus(self) -> int:
        """GPUs of one pipeline stage."""
        return self.tp * self.attn_dp

    @property
    def expert_groups(self) -> int:
        """Groups of a stage's GPUs that each hold experts of their own."""
        return min(self.ep, self.stage_gpus)

    @property
    def gpus(self) -> int:
        """All GPUs of a replica."""
        return self.stage_gpus * self.pp

    def kv_blocks(self, block_size: int = 16, share: float = 0.9) -> int:
        """Blocks that fit beside the weights into `share` of the memory; 0 if the weights don't.

        Activations and the states of linear layers are not counted; the share leaves room for them.
        """
        model = self.model
        shared = (model.parameters - model.expert_parameters) / self.tp
        experts = model.expert_parameters / self.stage_gpus
        stored = shared * bytes_per_parameter(self.shared)
        stored += experts * bytes_per_parameter(self.weights)
        free = self.gpu.memory_gb * 1e9 * share - stored / self.pp
        # A layer with a window keeps no more than that, so it hardly counts.
        full = model.full_layers / model.attention_layers
        token = full * model.kv_numbers(self.tp) * KV_BYTES[self.kv] / self.pp
        return max(0, self.attn_dp * int(free / (token * block_size)))

"""The time of a step from the shapes of model and GPU and a handful of fitted constants.

    step = step_s + layers × layer_s + rows × row_s                  launches, scheduler, sampling
         + max(weights ÷ bandwidth, 2 × parameters × tokens ÷ FLOPs) ÷ measured quantized speed-up
         + KV bytes ÷ bandwidth + attention FLOPs of chunks
         + 2 × layers × (allreduce_s + bytes ÷ link)                 with tensor parallelism

Bandwidth, FLOPs and link are the data sheet's times a fitted efficiency. In a mixture, only experts
that a token was sent to are read: 1 − (1 − used/experts)^tokens of them, if routing is even.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finops.engine.errors import InvalidPolicy, NeedsCalibration
from finops.engine.quantized import bytes_per_parameter, speedup
from finops.engine.result import Floats
from finops.engine.shapes import Gpu, Model

KV_BYTES = {"bf16": 2.0, "fp8": 1.0}


@dataclass(frozen=True)
class Constants:
    """What no data sheet says. Efficiencies are shares of the data sheet's figure; times are µs.

    `request_us` is spent before the scheduler sees a request and after its first token (front end,
    tokenizer, network): it is part of a measured TTFT and of no step.

    The defaults are fitted to public measurements of dense models, see docs/engine.md. They also
    hold what the model of a step leaves out: so a share can be above 1.
    """

    memory: float = 1.25
    compute: float = 0.714
    kv: float = 0.822
    link: float = 0.188
    step_us: float = 1_000.0
    layer_us: float = 41.3
    row_us: float = 25.3
    allreduce_us: float = 2.05
    request_us: float = 42_500.0


@dataclass(frozen=True)
class Deployment:
    """A model on `tp` GPUs: precision of the weights and of the KV cache, and whose kernels."""

    model: Model
    gpu: Gpu
    weights: str = "bf16"
    kv: str = "bf16"
    tp: int = 1
    backend: str = ""

    def __post_init__(self) -> None:
        bytes_per_parameter(self.weights)
        if self.kv not in KV_BYTES:
            raise InvalidPolicy(f"The KV cache can be {' or '.join(KV_BYTES)}, not {self.kv}.")
        if self.tp < 1:
            raise InvalidPolicy(f"tp must be at least 1, not {self.tp}.")

    def kv_blocks(self, block_size: int = 16, share: float = 0.9) -> int:
        """Blocks that fit beside the weights into `share` of the memory; 0 if the weights don't.

        Activations are not counted; the share leaves room for them.
        """
        model = self.model
        parameters = model.dense_parameters + model.expert_parameters + model.hidden * model.vocab
        weights = parameters * bytes_per_parameter(self.weights) / self.tp
        free = self.gpu.memory_gb * 1e9 * share - weights
        return max(0, int(free / (model.kv_numbers(self.tp) * KV_BYTES[self.kv] * block_size)))


def matmul_s(at: Deployment, tokens: Floats, constants: Constants) -> Floats:
    """Seconds of all matrix products of a step with so many tokens."""
    model, gpu = at.model, at.gpu
    bandwidth = gpu.bandwidth_gb_s * 1e9 * constants.memory * at.tp
    flops = gpu.bf16_tflops * 1e12 * constants.compute * at.tp
    dense = np.maximum(
        2.0 * model.dense_parameters / bandwidth, 2.0 * model.dense_parameters * tokens / flops
    )
    time = dense / speedup(gpu.curves, at.weights, tokens, at.backend)
    if model.experts:
        share = model.experts_used / model.experts
        read = 2.0 * model.expert_parameters * (1.0 - (1.0 - share) ** tokens)
        computed = 2.0 * model.expert_parameters * share * tokens
        experts = np.maximum(read / bandwidth, computed / flops)
        time = time + experts / speedup(gpu.curves, at.weights, tokens * share, at.backend)
    return np.asarray(time, np.float64)


def allreduce_s(at: Deployment, tokens: Floats, constants: Constants) -> Floats:
    """Seconds of the two sums over all GPUs in each layer; 0 on one GPU."""
    if at.tp == 1:
        return np.zeros_like(tokens)
    speed = at.gpu.link_gb_s * 1e9 * constants.link
    each = constants.allreduce_us * 1e-6 + tokens * at.model.hidden * 2.0 / speed
    return 2.0 * at.model.layers * each


def tokens_s(at: Deployment, tokens: Floats, constants: Constants) -> Floats:
    """Seconds of a step that depend on its number of tokens, or on nothing."""
    overhead = (constants.step_us + at.model.layers * constants.layer_us) * 1e-6
    return overhead + matmul_s(at, tokens, constants) + allreduce_s(at, tokens, constants)


def row_s(at: Deployment, constants: Constants) -> float:
    """Seconds for each sequence of a step: scheduling, sampling, layers with a window."""
    model = at.model
    windows = 0.0
    if model.window_layers:
        share = model.window_layers / model.layers
        windows = model.window * share * kv_bytes(at) / kv_speed(at, constants)
    return constants.row_us * 1e-6 + windows


def kv_bytes(at: Deployment) -> float:
    """Bytes that one GPU stores for a token, all layers."""
    return at.model.kv_numbers(at.tp) * KV_BYTES[at.kv]


def kv_speed(at: Deployment, constants: Constants) -> float:
    """Bytes of keys and values that one GPU reads in a second."""
    return at.gpu.bandwidth_gb_s * 1e9 * constants.kv


def kv_s(at: Deployment, constants: Constants) -> float:
    """Seconds for each token whose keys and values are read, layers with a window aside."""
    model = at.model
    full = 1.0 - model.window_layers / model.layers
    read = full * kv_bytes(at) / kv_speed(at, constants)
    if not model.kv_rank:
        return read
    # Latent attention computes so much on what it reads that this can be the longer part.
    flops = 2.0 * model.layers * model.heads / at.tp * (2 * model.kv_rank + model.rope_dim)
    return max(read, flops / (at.gpu.bf16_tflops * 1e12 * constants.compute))


def pair_s(at: Deployment, constants: Constants) -> float:
    """Seconds for each pair of tokens in the attention of a chunk."""
    model = at.model
    full = model.layers - model.window_layers
    flops = 4.0 * full * model.heads * (model.head_dim + model.rope_dim // 2) / at.tp
    return flops / (at.gpu.bf16_tflops * 1e12 * constants.compute)


class SimulatedExecutor:
    """The step time of a deployment, in integer picoseconds: see finops.engine.executor.

    Without constants those of dense models are taken; a mixture raises NeedsCalibration then,
    because its errors would be too large to be of use.
    """

    TABLE = 16_384

    def __init__(self, deployment: Deployment, constants: Constants | None = None) -> None:
        if constants is None and deployment.model.experts:
            raise NeedsCalibration(
                f"{deployment.model.name} is a mixture of experts: measure at least three points, "
                "at low, middle and high load, and calibrate with them."
            )
        self.deployment = deployment
        self.constants = constants = constants or Constants()
        self.kv_ps = round(kv_s(deployment, constants) * 1e12)
        self.pair_ps = round(pair_s(deployment, constants) * 1e12)
        self.row_ps = round(row_s(deployment, constants) * 1e12)
        self._by_tokens = self._tokens_ps(np.arange(self.TABLE, dtype=np.float64))

    def _tokens_ps(self, tokens: Floats) -> list[int]:
        times = tokens_s(self.deployment, tokens, self.constants)
        return [int(time) for time in np.rint(times * 1e12)]

    def fixed_ps(self, tokens: int, rows: int) -> int:
        """Picoseconds of a step without reading keys and values."""
        if tokens < self.TABLE:
            return self._by_tokens[tokens] + rows * self.row_ps
        return self._tokens_ps(np.array([tokens], np.float64))[0] + rows * self.row_ps

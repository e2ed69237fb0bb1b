"""The time of a step from the shapes of model and GPU and a handful of fitted constants.

    step = step_s + layers × layer_s + rows × row_s                  launches, scheduler, sampling
         + max(weights ÷ bandwidth, 2 × parameters × tokens ÷ FLOPs) ÷ measured quantized speed-up
         + KV bytes ÷ bandwidth + attention FLOPs of chunks
         + layers × 2 sums over GPUs, each allreduce_s + bytes that cross a link ÷ link

Bandwidth, FLOPs and link are the data sheet's times a fitted efficiency. In a mixture, only experts
that a token was sent to are read: see finops.engine.experts. With pipeline stages, see
finops.engine.deployment.
"""

from __future__ import annotations

import numpy as np

from finops.engine.constants import Constants, constants_for
from finops.engine.deployment import KV_BYTES, Deployment
from finops.engine.errors import NeedsCalibration
from finops.engine.experts import groups_of_a_token, reached
from finops.engine.quantized import is_known, product_speedup
from finops.engine.result import Floats

STATE_BYTES = 4.0  # linear layers keep their state in fp32


def matmul_s(at: Deployment, tokens: Floats, constants: Constants) -> Floats:
    """Seconds of all matrix products of a step in which each pipeline stage gets `tokens`."""
    model, gpu = at.model, at.gpu
    bandwidth = gpu.bandwidth_gb_s * 1e9 * constants.memory
    flops = gpu.bf16_tflops * 1e12 * gpu.reached * constants.compute
    own = tokens / at.attn_dp
    dense = 2.0 * model.dense_parameters / at.tp
    time = np.maximum(dense / bandwidth, dense * own / flops) / product_speedup(at, at.shared, own)
    if model.experts:
        share = model.experts_used / model.experts
        experts = 2.0 * model.expert_parameters / at.stage_gpus
        read = experts * reached(model, tokens, at.expert_groups)
        spent = np.maximum(read / bandwidth, experts * share * tokens / flops)
        time = time + spent / product_speedup(at, at.weights, tokens * share)
    return np.asarray(time, np.float64)


def sums_s(at: Deployment, tokens: Floats, constants: Constants) -> Floats:
    """Seconds of the two sums in each layer: after attention over `tp` GPUs, then over the stage.

    Where GPUs that each have requests of their own share whole experts, tokens are sent to their
    experts and back instead of the second. With one attention over all GPUs, all have the tokens
    already, and engines sum up what the experts give, however these are dealt out.
    """
    attention = sum_s(at, at.tp, tokens / at.attn_dp, constants)
    if at.attn_dp > 1 and at.expert_groups > 1:
        return at.model.layers * (attention + exchange_s(at, tokens, constants))
    return at.model.layers * (attention + sum_s(at, at.stage_gpus, tokens, constants))


def sum_s(at: Deployment, gpus: int, tokens: Floats, constants: Constants) -> Floats:
    """Seconds of one sum over so many GPUs; 0 on one.

    Of the numbers that are summed, 2 × (n − 1) ÷ n cross each GPU's link, as in a ring.
    """
    if gpus == 1:
        return np.zeros_like(tokens)
    crossing = tokens * at.model.hidden * 2.0 * 2.0 * (gpus - 1) / gpus
    return constants.allreduce_us * 1e-6 + crossing / link_speed(at, gpus, constants)


def exchange_s(at: Deployment, tokens: Floats, constants: Constants) -> Floats:
    """Seconds in which each group of experts gets its tokens and sends back what they became."""
    elsewhere = groups_of_a_token(at.model, at.expert_groups) * (1 - 1 / at.expert_groups)
    crossing = 2.0 * tokens / at.expert_groups * elsewhere * at.model.hidden * 2.0
    speed = link_speed(at, at.stage_gpus, constants)
    return 2.0 * constants.allreduce_us * 1e-6 + crossing / speed


def link_speed(at: Deployment, gpus: int, constants: Constants) -> float:
    """Bytes a second of one GPU to so many with itself; both directions, as link_gb_s."""
    used = min(1.0, (gpus - 1) / at.gpu.peers) if at.gpu.peers else 1.0
    return at.gpu.link_gb_s * 1e9 * constants.link * used


def tokens_s(at: Deployment, tokens: Floats, constants: Constants) -> Floats:
    """Seconds of a step that depend on its number of tokens, or on nothing."""
    tokens = tokens / at.pp
    overhead = (constants.step_us + at.model.layers * constants.layer_us) * 1e-6
    time = overhead + matmul_s(at, tokens, constants) + sums_s(at, tokens, constants)
    if at.pp > 1:
        each = tokens * at.model.hidden * 2.0 / link_speed(at, 2, constants)
        time = time + (at.pp - 1) * (constants.allreduce_us * 1e-6 + each)
    return np.asarray(time, np.float64)


def row_s(at: Deployment, constants: Constants) -> float:
    """Seconds for each sequence of a step: scheduling, sampling, windows, states."""
    model = at.model
    shared = at.attn_dp * at.pp
    windows = 0.0
    if model.window_layers:
        share = model.window_layers / model.attention_layers
        windows = model.window * share * kv_bytes(at) / kv_speed(at, constants) / shared
    states = 2.0 * model.state_numbers(at.tp) * STATE_BYTES / kv_speed(at, constants) / shared
    return constants.row_us * 1e-6 + windows + states


def kv_bytes(at: Deployment) -> float:
    """Bytes that the GPUs of one rank of attention store for a token, each, all layers."""
    return at.model.kv_numbers(at.tp) * KV_BYTES[at.kv]


def kv_speed(at: Deployment, constants: Constants) -> float:
    """Bytes of keys and values that one GPU reads in a second."""
    return at.gpu.bandwidth_gb_s * 1e9 * constants.kv


def kv_s(at: Deployment, constants: Constants) -> float:
    """Seconds for each token whose keys and values are read, layers with a window aside."""
    model = at.model
    full = model.full_layers / model.attention_layers
    read = full * kv_bytes(at) / kv_speed(at, constants)
    if model.kv_rank:
        # Latent attention computes so much on what it reads that this can be the longer part.
        flops = 2.0 * model.full_layers * model.heads / at.tp * (2 * model.kv_rank + model.rope_dim)
        read = max(read, flops / attention_speed(at, constants))
    return read / (at.attn_dp * at.pp)


def attention_speed(at: Deployment, constants: Constants) -> float:
    """FLOPs of attention that one GPU does in a second."""
    return at.gpu.bf16_tflops * 1e12 * at.gpu.reached * constants.compute


def pair_s(at: Deployment, constants: Constants) -> float:
    """Seconds for each pair of tokens in the attention of a chunk."""
    model = at.model
    width = model.head_dim + (model.value_dim or model.head_dim) + model.rope_dim
    flops = 2.0 * model.full_layers * model.heads * width / at.tp
    return flops / attention_speed(at, constants) / (at.attn_dp * at.pp)


class SimulatedExecutor:
    """The step time of a deployment, in integer picoseconds: see finops.engine.executor.

    Without constants those of dense models on that engine are taken. NeedsCalibration is raised
    then for what would be guessed at: a mixture, and a precision that nobody measured on that GPU.
    """

    TABLE = 16_384

    def __init__(self, deployment: Deployment, constants: Constants | None = None) -> None:
        self.deployment = deployment
        self.constants = constants = constants or uncalibrated(deployment)
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


def uncalibrated(at: Deployment) -> Constants:
    """Constants before anything was measured, or NeedsCalibration where that says too little."""
    asks = "measure at least three points, at low, middle and high load, and calibrate with them."
    if at.model.experts:
        raise NeedsCalibration(f"{at.model.name} is a mixture of experts: {asks}")
    if not is_known(at):
        raise NeedsCalibration(
            f"Nobody measured products of {at.weights} weights on {at.gpu.name}: {asks}"
        )
    return constants_for(at.backend, link=at.gpu.link)

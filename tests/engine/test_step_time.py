"""The time of a step from shapes: hand-worked figures and what must hold for all of them."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from finops.engine.catalogue import HERE, load
from finops.engine.errors import NeedsCalibration, UnknownEntry
from finops.engine.quantized import KERNELS, speedup
from finops.engine.step_time import Constants, Deployment, SimulatedExecutor

CATALOGUE = load()
LLAMA, H100 = CATALOGUE.model("llama-3.1-8b"), CATALOGUE.gpu("h100")
IDEAL = Constants(
    memory=1, compute=1, kv=1, link=1, step_us=0, layer_us=0, row_us=0, allreduce_us=0
)


def test_a_decode_step_reads_the_weights_and_the_keys_once() -> None:
    ideal = SimulatedExecutor(Deployment(LLAMA, H100), IDEAL)
    # 32 layers of 218,103,808 parameters and an output of 525,336,576, 2 bytes each, at 3.35 TB/s.
    assert LLAMA.dense_parameters == 32 * 218_103_808 + 525_336_576
    assert ideal.fixed_ps(1, 1) == round(2 * 7_504_658_432 / 3.35e12 * 1e12)
    # 2 × 32 layers × 8 heads × 128 numbers of 2 bytes.
    assert ideal.kv_ps == round(131_072 / 3.35e12 * 1e12)


def test_a_long_prompt_is_bound_by_arithmetic() -> None:
    ideal = SimulatedExecutor(Deployment(LLAMA, H100), IDEAL)
    assert ideal.fixed_ps(8_192, 1) == round(2 * 7_504_658_432 * 8_192 / 989e12 * 1e12)
    assert ideal.pair_ps == round(4 * 32 * 32 * 128 / 989e12 * 1e12)


def test_tensor_parallelism_divides_the_work_and_adds_the_sums() -> None:
    four = SimulatedExecutor(Deployment(LLAMA, H100, tp=4), replace(IDEAL, allreduce_us=10))
    weights = 2 * 7_504_658_432 / 4 / 3.35e12
    sums = 2 * 32 * (10e-6 + 4_096 * 2 / 900e9)
    assert four.fixed_ps(1, 1) == pytest.approx((weights + sums) * 1e12, rel=1e-9)
    assert four.kv_ps == round(131_072 / 4 / 3.35e12 * 1e12)


def test_overheads_add_up_by_step_layer_and_row() -> None:
    slow = SimulatedExecutor(
        Deployment(LLAMA, H100), replace(IDEAL, step_us=100, layer_us=10, row_us=3)
    )
    quick = SimulatedExecutor(Deployment(LLAMA, H100), IDEAL)
    assert slow.fixed_ps(5, 5) - quick.fixed_ps(5, 5) == (100 + 320 + 15) * 10**6


def test_a_mixture_reads_the_experts_that_its_tokens_reach() -> None:
    model = CATALOGUE.model("mixtral-8x7b")
    ideal = SimulatedExecutor(Deployment(model, H100), IDEAL)
    dense, experts = model.dense_parameters, model.expert_parameters
    assert ideal.fixed_ps(1, 1) == round(2 * (dense + experts / 4) / 3.35e12 * 1e12)
    assert ideal.fixed_ps(2, 2) == round(2 * (dense + experts * 7 / 16) / 3.35e12 * 1e12)


def test_latent_attention_stores_little_and_every_gpu_holds_all_of_it() -> None:
    model = CATALOGUE.model("deepseek-v3")
    assert model.kv_numbers(1) == model.kv_numbers(8) == 61 * 576
    h200 = CATALOGUE.gpu("h200")
    ideal = SimulatedExecutor(Deployment(model, h200, weights="fp8_block", tp=8), IDEAL)
    assert ideal.kv_ps == round(61 * 576 * 2 / 4.8e12 * 1e12)


def test_layers_with_a_window_cost_the_same_for_every_length() -> None:
    model = CATALOGUE.model("gpt-oss-120b")
    ideal = SimulatedExecutor(Deployment(model, H100), IDEAL)
    token = 2 * 36 * 8 * 64 * 2 / 3.35e12 * 1e12
    assert ideal.kv_ps == round(token / 2)
    assert ideal.row_ps == round(128 * token / 2)


@pytest.mark.parametrize("name", sorted({model.name for model in CATALOGUE.models.values()}))
def test_every_model_has_a_time_that_grows_with_tokens(name: str) -> None:
    at = Deployment(CATALOGUE.model(name), CATALOGUE.gpu("h200"), tp=8)
    executor = SimulatedExecutor(at, Constants())
    times = [executor.fixed_ps(tokens, 1) for tokens in (1, 16, 256, 4_096, 16_383, 16_384, 20_000)]
    assert times == sorted(times)
    assert times[0] > 0
    assert min(executor.kv_ps, executor.pair_ps) > 0


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-3.1-8b", 8.03),
        ("llama-3.1-70b", 70.6),
        ("llama-3.1-405b", 405.9),
        ("mixtral-8x7b", 46.7),
        ("mixtral-8x22b", 140.6),
        ("qwen2.5-72b", 72.7),
        ("qwen3-32b", 32.8),
        ("qwen3-30b-a3b", 30.5),
        ("qwen3-235b-a22b", 235.1),
        ("deepseek-v3", 671.0),
        ("gpt-oss-120b", 116.8),
        ("gpt-oss-20b", 20.9),
    ],
)
def test_shapes_add_up_to_the_published_number_of_parameters(name: str, billions: float) -> None:
    model = CATALOGUE.model(name)
    embedding = model.hidden * model.vocab
    total = model.dense_parameters + model.expert_parameters + embedding
    assert total / 1e9 == pytest.approx(billions, rel=0.002)


def test_blocks_are_what_the_weights_leave() -> None:
    free = 80e9 * 0.9 - (7_504_658_432 + 4_096 * 128_256) * 2
    assert Deployment(LLAMA, H100).kv_blocks() == int(free / (131_072 * 16))
    assert Deployment(CATALOGUE.model("llama-3.1-405b"), H100).kv_blocks() == 0


def test_a_mixture_is_not_guessed_at_without_a_calibration() -> None:
    with pytest.raises(NeedsCalibration, match="three points"):
        SimulatedExecutor(Deployment(CATALOGUE.model("mixtral-8x7b"), H100))


def measured() -> list[dict[str, str]]:
    lines = (HERE / "quantized_matmul.csv").read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def test_every_measured_speedup_is_met_between_p10_and_p90() -> None:
    names = {kernel: precision for precision, (kernel, _) in KERNELS.items()}
    rows = measured()
    assert len(rows) == 294
    for row in rows:
        backend = f"{row['backend']} {row['version']}"
        value = speedup(row["gpu"], names[row["quant"]], float(row["m"]), backend)
        assert float(row["p10"]) <= float(value) <= float(row["p90"])


def test_int4_slows_a_prefill_down_on_an_a100() -> None:
    # Bytes alone would say 3.8 times.
    values = speedup("a100_sxm", "int4", np.array([1, 64, 1_024]))
    assert values.tolist() == pytest.approx([2.346, 1.353, 0.924])


def test_a_precision_without_a_measured_curve_is_refused_rather_than_guessed() -> None:
    with pytest.raises(UnknownEntry, match="calibrate"):
        SimulatedExecutor(Deployment(LLAMA, CATALOGUE.gpu("mi300x"), weights="fp8"))
    with pytest.raises(UnknownEntry, match="Precision fp7"):
        Deployment(LLAMA, H100, weights="fp7")

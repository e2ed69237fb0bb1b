"""The time of a step from shapes: hand-worked figures and what must hold for all of them."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from finops.engine.catalogue import HERE, load
from finops.engine.constants import Constants, constants_for, kind_of, links
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidPolicy, NeedsCalibration, UnknownEntry
from finops.engine.experts import reached
from finops.engine.precisions import KERNELS
from finops.engine.quantized import product_speedup, speedup
from finops.engine.step_time import SimulatedExecutor

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
    assert ideal.fixed_ps(8_192, 1) == round(2 * 7_504_658_432 * 8_192 / (0.78 * 989e12) * 1e12)
    assert ideal.pair_ps == round(4 * 32 * 32 * 128 / (0.78 * 989e12) * 1e12)


def test_tensor_parallelism_divides_the_work_and_adds_the_sums() -> None:
    four = SimulatedExecutor(Deployment(LLAMA, H100, tp=4), replace(IDEAL, allreduce_us=10))
    weights = 2 * 7_504_658_432 / 4 / 3.35e12
    sums = 2 * 32 * (10e-6 + 4_096 * 2 * 2 * 3 / 4 / 900e9)
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
    at = Deployment(CATALOGUE.model(name), CATALOGUE.gpu("h200"), tp=2)
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
        ("llama-2-13b", 13.02),
        ("llama-3.2-1b", 1.236),
        ("llama-3.2-3b", 3.213),
        ("mistral-nemo", 12.25),
        ("mistral-large", 122.6),
        ("qwen2.5-0.5b", 0.494),
        ("qwen2.5-1.5b", 1.544),
        ("qwen2.5-3b", 3.086),
        ("qwen2.5-14b", 14.77),
        ("qwen3-0.6b", 0.596),
        ("qwen3-1.7b", 1.721),
        ("qwen3-4b", 4.022),
        ("deepseek-v2-lite", 15.7),
        ("qwen3-next-80b-a3b", 79.6),
        ("qwen3.5-397b-a17b", 396.2),
        ("kimi-k2", 1_026.0),
        ("glm-4.7", 352.7),
        ("glm-5", 743.0),
        ("minimax-m2", 228.7),
        ("llama-4-maverick", 400.7),
        ("llama-4-scout", 107.8),
    ],
)
def test_shapes_add_up_to_the_published_number_of_parameters(name: str, billions: float) -> None:
    model = CATALOGUE.model(name)
    assert model.parameters / 1e9 == pytest.approx(billions, rel=0.002)


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
    names = {kernel: precision for (precision, _), kernel in KERNELS.items()}
    rows = measured()
    assert len(rows) == 294
    for row in rows:
        backend = f"{row['backend']} {row['version']}"
        activations = "int8" if row["quant"] == "sq" else ""
        value = speedup(row["gpu"], names[row["quant"]], float(row["m"]), backend, activations)
        assert float(row["p10"]) <= float(value) <= float(row["p90"])


def test_int4_slows_a_prefill_down_on_an_a100() -> None:
    # Bytes alone would say 3.8 times.
    values = speedup("a100_sxm", "int4", np.array([1, 64, 1_024]))
    assert values.tolist() == pytest.approx([2.346, 1.353, 0.924])


def test_a_precision_without_a_measured_curve_is_refused_until_it_is_calibrated() -> None:
    at = Deployment(LLAMA, CATALOGUE.gpu("l4"), weights="int8")
    with pytest.raises(NeedsCalibration, match="int8 weights on l4: measure at least three points"):
        SimulatedExecutor(at)
    with pytest.raises(UnknownEntry, match="calibrate"):
        speedup(at.gpu.curves, "int8", 1.0)
    few, many = SimulatedExecutor(at, IDEAL), SimulatedExecutor(replace(at, weights="bf16"), IDEAL)
    # Few rows are bound by bytes; many by arithmetic, and int8 weights are unpacked for it.
    assert few.fixed_ps(1, 1) == pytest.approx(many.fixed_ps(1, 1) / 2, rel=1e-6)
    assert few.fixed_ps(4_096, 1) == pytest.approx(many.fixed_ps(4_096, 1) / 0.95, rel=1e-6)
    with pytest.raises(UnknownEntry, match="Precision fp7"):
        Deployment(LLAMA, H100, weights="fp7")


def test_eight_bits_on_a_gpu_that_multiplies_them_are_predicted_without_a_curve() -> None:
    mi300x = CATALOGUE.gpu("mi300x")
    executor = SimulatedExecutor(Deployment(LLAMA, mi300x, weights="fp8"), IDEAL)
    plain = SimulatedExecutor(Deployment(LLAMA, mi300x), IDEAL)
    assert plain.fixed_ps(1, 1) / executor.fixed_ps(1, 1) == pytest.approx(2.0)
    assert plain.fixed_ps(8_192, 1) / executor.fixed_ps(8_192, 1) == pytest.approx(
        0.8 * 2_615 / 1_307, rel=1e-6
    )
    SimulatedExecutor(Deployment(LLAMA, mi300x, weights="fp8"))
    with pytest.raises(NeedsCalibration, match="fp8 weights on a100"):
        SimulatedExecutor(Deployment(LLAMA, CATALOGUE.gpu("a100"), weights="fp8"))


def test_launches_of_small_products_are_not_counted_against_large_ones() -> None:
    at = Deployment(LLAMA, H100, weights="fp8", backend="trtllm")
    # Measured at one row: 1.352 in the middle, 1.648 for large ones; half the bytes are the limit.
    assert product_speedup(at, "fp8", np.array([1.0])).tolist() == [2.0]
    launch = 0.7398  # 1 ÷ 1.352, of which about a quarter is launch
    assert 0.2 < launch - 1 / 2.0 < 0.3
    assert speedup("h100_sxm", "fp8", 1.0, "trtllm 1.3.0rc20") == pytest.approx(1.352)


def test_weights_only_in_eight_bits_are_multiplied_in_sixteen() -> None:
    weights_only = Deployment(LLAMA, CATALOGUE.gpu("a100"), weights="int8")
    both = replace(weights_only, activations="int8")
    rows = np.array([8_192.0])
    assert float(product_speedup(weights_only, "int8", rows)[0]) < 1.1
    assert float(product_speedup(both, "int8", rows)[0]) > 1.9


def test_a_pipeline_reads_as_much_and_computes_in_turns() -> None:
    alone, staged = (SimulatedExecutor(Deployment(LLAMA, H100, pp=pp), IDEAL) for pp in (1, 4))
    hop = 3 * 4_096 * 2 / 900e9 * 1e12
    assert staged.fixed_ps(1, 1) == pytest.approx(alone.fixed_ps(1, 1) + hop / 4, rel=1e-9)
    assert staged.fixed_ps(16_000, 1) == pytest.approx(
        alone.fixed_ps(4_000, 1) + 4_000 * hop, rel=1e-6
    )
    assert staged.kv_ps == pytest.approx(alone.kv_ps / 4, abs=1)
    split = Deployment(LLAMA, H100, pp=4)
    assert split.gpus == 4
    assert split.kv_blocks() > 4 * Deployment(LLAMA, H100).kv_blocks()
    with pytest.raises(InvalidPolicy, match="pp can't exceed the 32 layers"):
        Deployment(LLAMA, H100, pp=33)


def test_data_parallel_attention_spreads_experts_and_keeps_keys_apart() -> None:
    model = CATALOGUE.model("qwen3-30b-a3b")
    apart, shared = Deployment(model, H100, attn_dp=4), Deployment(model, H100, tp=4)
    assert apart.gpus == shared.gpus == 4
    one, other = SimulatedExecutor(apart, IDEAL), SimulatedExecutor(shared, IDEAL)
    assert one.kv_ps == pytest.approx(other.kv_ps, abs=1)  # 4 heads: a quarter each way
    # What isn't an expert is read whole by each; of the experts, each reads a quarter either way.
    more = 2 * model.dense_parameters * 3 / 4 / 3.35e12 * 1e12
    fewer = 48 * 4_096 * 2 * 2 * 3 / 4 / 900e9 / 2 * 1e12  # one sum a layer, not two, of one row
    assert one.fixed_ps(1, 1) - other.fixed_ps(1, 1) == pytest.approx(more - fewer, rel=1e-3)


def test_linear_layers_carry_a_state_instead_of_keys() -> None:
    model = CATALOGUE.model("qwen3.5-397b-a17b")
    ideal = SimulatedExecutor(Deployment(model, CATALOGUE.gpu("h200"), tp=8), IDEAL)
    # 15 of 60 layers keep 2 heads of 256 keys and values; each of 8 GPUs holds one head.
    assert ideal.kv_ps == round(2 * 15 * 1 * 256 * 2 / 4.8e12 * 1e12)
    # 45 layers × 8 of 64 heads × 128 × 128 numbers of 4 bytes, read and written.
    assert ideal.row_ps == round(2 * 45 * 8 * 128 * 128 * 4 / 4.8e12 * 1e12)


def test_experts_of_four_bits_leave_the_rest_in_sixteen() -> None:
    model = CATALOGUE.model("gpt-oss-120b")
    all_in_four = Deployment(model, H100, weights="mxfp4")
    experts_only = replace(all_in_four, shared_weights="bf16")
    times = [SimulatedExecutor(at, IDEAL).fixed_ps(1, 1) for at in (all_in_four, experts_only)]
    saved = 2 * model.dense_parameters * (1 - 0.53125 / 2) / 3.35e12 * 1e12
    assert times[1] - times[0] == pytest.approx(saved, rel=1e-6)


def test_an_engine_without_recorded_points_gets_what_all_have_in_common() -> None:
    assert constants_for("nobody's engine") == Constants()
    assert constants_for("vllm 0.19.0") == constants_for("vllm") != Constants()
    assert constants_for("vllm", mixture=True) != constants_for("vllm")


def test_each_kind_of_link_starts_from_what_sums_over_it_were_measured_to_take() -> None:
    nvlink, pcie = constants_for(""), constants_for("", link="PCIe 5")
    assert (pcie.allreduce_us, pcie.link) == pytest.approx((20, 0.29))
    assert replace(pcie, allreduce_us=nvlink.allreduce_us, link=nvlink.link) == nvlink
    assert constants_for("", link="carrier pigeon") == nvlink
    # What an engine, and a mixture, add to NVLink's sums stays.
    more = constants_for("vllm", mixture=True, link="pcie").allreduce_us
    assert more - constants_for("vllm", mixture=True).allreduce_us == pytest.approx(20 - 4.852)


def test_two_gpus_over_pcie_take_longer_than_with_the_constants_of_nvlink() -> None:
    at = Deployment(LLAMA, CATALOGUE.gpu("rtx_4090"), tp=2, backend="vllm")
    over_pcie, as_nvlink = (
        SimulatedExecutor(at, constants).fixed_ps(16, 16)
        for constants in (None, constants_for("vllm"))
    )
    sums = 2 * 32 * (20 - 4.852) * 1e6
    assert over_pcie - as_nvlink == pytest.approx(sums, rel=0.1)
    assert over_pcie > 1.05 * as_nvlink


def test_every_link_of_the_catalogue_is_fitted_or_has_a_source() -> None:
    used = {kind_of(gpu.link) for gpu in CATALOGUE.gpus.values()}
    assert used == {"nvlink", *links()}
    assert all(link.source and 0 < link.share < 1 for link in links().values())


def test_gpus_in_a_mesh_use_only_the_links_between_them() -> None:
    at = Deployment(LLAMA, CATALOGUE.gpu("mi300x"), tp=2)
    two, eight = (
        SimulatedExecutor(replace(at, tp=gpus), IDEAL).fixed_ps(8_192, 1) for gpus in (2, 8)
    )
    products = 2 * 7_504_658_432 * 8_192 / (0.78 * 1307e12)
    numbers = 2 * 32 * 8_192 * 4_096 * 2 * 2  # each sum's, there and back
    assert two == pytest.approx((products / 2 + numbers * 1 / 2 / (896e9 / 7)) * 1e12, rel=1e-6)
    assert eight == pytest.approx((products / 8 + numbers * 7 / 8 / 896e9) * 1e12, rel=1e-6)


def test_whole_experts_are_read_where_most_of_them_were_reached() -> None:
    model = CATALOGUE.model("mixtral-8x7b")
    sliced = Deployment(model, H100, tp=4)
    # One token goes to 2 of 8 experts, so each of 4 groups of 2 has half a one to read, with the
    # deviation √(2 × 1/4 × 3/4 × 3/4); the largest of four is 1.049 deviations above.
    share = 1 / 4 + 1.0491 * (2 * 9 / 64) ** 0.5 / 2
    assert float(reached(model, np.array([1.0]), 4)[0]) == pytest.approx(share, rel=1e-4)
    times = [SimulatedExecutor(replace(sliced, ep=ep), IDEAL).fixed_ps(1, 1) for ep in (1, 4)]
    more = 2 * model.expert_parameters / 4 * (share - 1 / 4) / 3.35e12
    assert times[1] - times[0] == pytest.approx(more * 1e12, rel=1e-4)
    # A large batch reaches all of them anywhere.
    times = [SimulatedExecutor(replace(sliced, ep=ep), IDEAL).fixed_ps(500, 1) for ep in (1, 4)]
    assert times[0] == pytest.approx(times[1], rel=1e-9)


def test_the_busiest_group_has_as_much_to_read_as_when_experts_are_drawn() -> None:
    model, rng = CATALOGUE.model("qwen3-30b-a3b"), np.random.default_rng(0)
    for tokens, groups in ((1, 8), (4, 4), (16, 8), (64, 2)):
        drawn = []
        for _ in range(300):
            hit = np.zeros(128, bool)
            for _ in range(tokens):
                hit[rng.choice(128, 8, replace=False)] = True
            drawn.append(hit.reshape(groups, -1).mean(1).max())
        found = float(reached(model, np.array([float(tokens)]), groups)[0])
        assert found == pytest.approx(float(np.mean(drawn)), rel=0.15)


def test_tokens_of_several_attentions_are_sent_to_their_experts_and_back() -> None:
    model = CATALOGUE.model("mixtral-8x7b")
    constants = replace(IDEAL, allreduce_us=10)
    apart = Deployment(model, H100, attn_dp=4)
    summed, sent = (
        SimulatedExecutor(replace(apart, ep=ep), constants).fixed_ps(4_096, 1) for ep in (1, 4)
    )
    # 1,024 tokens a GPU go to 4 × (1 − (3/4)²) = 1.75 groups, of which 3/4 are elsewhere.
    there_and_back = 20e-6 + 2 * 1_024 * 1.75 * 3 / 4 * 4_096 * 2 / 900e9
    a_sum = 10e-6 + 2 * 4_096 * 3 / 4 * 4_096 * 2 / 900e9
    assert sent - summed == pytest.approx(32 * (there_and_back - a_sum) * 1e12, rel=1e-6)


def test_experts_are_dealt_out_to_no_more_groups_than_there_are_of_either() -> None:
    model = CATALOGUE.model("mixtral-8x7b")
    assert Deployment(model, H100, tp=2, ep=8).expert_groups == 2
    with pytest.raises(InvalidPolicy, match="ep can't exceed the 8 experts"):
        Deployment(model, H100, tp=2, ep=9)
    with pytest.raises(InvalidPolicy, match="ep can't exceed the 0 experts"):
        Deployment(LLAMA, H100, ep=2)
    with pytest.raises(InvalidPolicy, match="ep must be at least 1"):
        Deployment(model, H100, ep=0)

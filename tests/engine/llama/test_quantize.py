"""Quantized products: what is stored, and how far off a product can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from finops.engine.errors import UnsupportedDevice, UnsupportedModel
from finops.engine.llama.quantize import Int4, Int8, Plain, product_of
from finops.engine.llama.random_model import random_model
from finops.engine.llama.weights import layer_shapes
from finops.engine.policy import Policy
from finops.engine.torch_executor import LlamaExecutor
from tests.engine.llama.driving import CLOSE, Ask, serve, short_of_best
from tests.engine.llama.plain import Array, PlainLlama


def drawn(seed: int, outputs: int, inputs: int, rows: int, spread: float) -> tuple[Tensor, Tensor]:
    """Weights whose rows differ in size by up to 10^spread, and inputs."""
    generator = torch.Generator().manual_seed(seed)
    size = 10.0 ** (spread * torch.rand(outputs, 1, generator=generator))
    weight = torch.randn(outputs, inputs, generator=generator) * size
    return weight, torch.randn(rows, inputs, generator=generator)


def check_bound(found: Tensor, rows: Tensor, weight: Tensor, half_steps: Tensor) -> None:
    """No output is further off than half a step for each weight, sums in fp32 aside."""
    exact = rows.double() @ weight.double().T
    allowed = rows.double().abs() @ half_steps.double().T
    rounding = 1e-6 * (rows.double().abs() @ weight.double().abs().T)
    assert torch.all((found.double() - exact).abs() <= allowed * (1 + 1e-5) + rounding)


SIZES = (
    st.integers(0, 2**30),
    st.integers(1, 9),
    st.sampled_from((2, 6, 64, 96, 192)),
    st.integers(1, 5),
    st.sampled_from((0.0, 4.0)),
)


@settings(max_examples=60, deadline=None)
@given(*SIZES)
def test_int8_is_off_by_half_a_step_a_weight_at_most(
    seed: int, outputs: int, inputs: int, rows: int, spread: float
) -> None:
    weight, given_rows = drawn(seed, outputs, inputs, rows, spread)
    half = weight.abs().amax(dim=1, keepdim=True).expand_as(weight) / 127 / 2
    check_bound(Int8(weight)(given_rows), given_rows, weight, half)


@settings(max_examples=60, deadline=None)
@given(*SIZES)
def test_int4_is_off_by_half_a_step_a_weight_at_most(
    seed: int, outputs: int, inputs: int, rows: int, spread: float
) -> None:
    weight, given_rows = drawn(seed, outputs, inputs, rows, spread)
    group = {2: 2, 6: 2, 64: 64, 96: 32, 192: 64}[inputs]
    grouped = weight.view(outputs, -1, group)
    step = (grouped.amax(2, keepdim=True) - grouped.amin(2, keepdim=True)) / 15
    half = (step / 2).expand_as(grouped).reshape_as(weight)
    check_bound(Int4(weight)(given_rows), given_rows, weight, half)


def test_int8_codes_by_hand() -> None:
    # The largest magnitude is 2.54, so a step is 0.02.
    product = Int8(torch.tensor([[2.54, -0.05, 0.011], [0.0, 0.0, 0.0]]))
    assert product.codes.tolist() == [[127, -2, 1], [0, 0, 0]]
    torch.testing.assert_close(product.step, torch.tensor([0.02, 1.0]))
    assert product.nbytes == 6 + 2 * 4


def test_int4_codes_by_hand() -> None:
    # Groups of two: from −1 to 2 a step is 0.2; 5 and 5 differ by nothing.
    product = Int4(torch.tensor([[-1.0, 2.0, 5.0, 5.0, 0.0, 3.0]]))
    # Halves of the row: 0 15 0 | 0 0 15.
    assert product.packed.tolist() == [[0, 15, 15 << 4]]
    torch.testing.assert_close(product.weight(), torch.tensor([[-1.0, 2.0, 5.0, 5.0, 0.0, 3.0]]))
    assert product.nbytes == 3 + 3 * 4 + 3 * 4


def test_int4_takes_an_eighth_of_fp32_and_its_steps() -> None:
    weight = torch.randn(128, 256, generator=torch.Generator().manual_seed(0))
    assert Plain(weight).nbytes == 128 * 256 * 4
    # Four bits a weight; a step and a lowest value for each 64.
    assert Int4(weight).nbytes == 128 * 256 // 2 + 128 * 4 * 8


def test_typical_errors_are_far_below_the_bound() -> None:
    weight, rows = drawn(0, 256, 256, 64, 0.0)
    exact = rows @ weight.T
    size = exact.square().mean().sqrt()
    off = {
        kind: float((kind(weight)(rows) - exact).square().mean().sqrt() / size)
        for kind in (Int8, Int4)
    }
    # Uniform rounding: step ÷ √12. 256 normal weights reach 2.8 deviations: 2.8 ÷ 127 ÷ √12;
    # 64 of them span 4.7: 4.7 ÷ 15 ÷ √12.
    assert off[Int8] == pytest.approx(0.0064, rel=0.2)
    assert off[Int4] == pytest.approx(0.090, rel=0.2)


@pytest.mark.parametrize("quantize", [None, "int8", "int4"])
def test_a_bias_is_added_as_it_is(quantize: str | None) -> None:
    bias = torch.tensor([0.125, -3.0])
    product = product_of(torch.ones(2, 4), bias, quantize)
    found = product(torch.ones(1, 4)) - bias
    torch.testing.assert_close(found, torch.full((1, 2), 4.0))


def test_odd_inputs_cannot_be_packed() -> None:
    with pytest.raises(UnsupportedModel, match="7 inputs are odd"):
        Int4(torch.ones(2, 7))


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(UnsupportedDevice, match="int8, int4 or nothing, not fp4"):
        product_of(torch.ones(2, 2), None, "fp4")


@pytest.mark.parametrize(("quantize", "kind"), [("int8", Int8), ("int4", Int4)])
def test_a_quantized_model_is_the_model_of_the_rounded_weights(
    tmp_path: Path, quantize: str, kind: type[Int8] | type[Int4]
) -> None:
    folder = random_model(tmp_path / "model", seed=5)
    executor = LlamaExecutor.load(folder, blocks=64, block_size=4, quantize=quantize)
    plain = PlainLlama(folder, rounded(folder, executor, kind))
    asks = [Ask([3 * n, 1, 4], 15, at=n) for n in range(6)]
    serve(executor, Policy(blocks=64, block_size=4, max_tokens=20, max_seqs=8), asks)
    for ask in asks:
        assert np.all(short_of_best(plain, ask) < CLOSE)


def rounded(
    folder: Path, executor: LlamaExecutor, kind: type[Int8] | type[Int4]
) -> dict[str, Array]:
    """The products' weights of a model after quantizing each alone."""
    plain = PlainLlama(folder)
    config = executor.model.config
    found = {}
    for at in range(config.layers):
        for name in layer_shapes(config):
            if not name.endswith("proj.weight"):
                continue
            whole = f"model.layers.{at}.{name}"
            weight = torch.from_numpy(plain.weights[whole]).float()
            one_by_one = kind(weight)(torch.eye(weight.shape[1])).T
            found[whole] = one_by_one.double().numpy()
    return found

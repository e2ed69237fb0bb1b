"""The catalogue of GPUs and models, and a user's own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.engine.catalogue import load
from finops.engine.errors import InvalidCatalogue, UnknownEntry

OWN_GPU = """
gpus:
  my_card: {source: my own measurement, memory_gb: 48, bandwidth_gb_s: 700, bf16_tflops: 90,
            link: pcie, link_gb_s: 32, aliases: [card]}
"""


def test_every_figure_names_its_source() -> None:
    catalogue = load()
    assert all(gpu.source for gpu in catalogue.gpus.values())
    assert all(model.source for model in catalogue.models.values())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("Llama 3.3 70B", "llama-3.1-70b"),
        ("codellama/CodeLlama-34b-Instruct-hf", "codellama-34b"),
        ("Qwen/Qwen3-235B-A22B-FP8", "qwen3-235b-a22b"),
        ("mistralai/Mistral-Nemo-Instruct-2407", "mistral-nemo"),
        ("mistralai/Mixtral-8x22B-Instruct-v0.1", "mixtral-8x22b"),
        ("RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic", "llama-4-scout"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "llama-3.1-8b"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "qwen2.5-7b"),
        ("amd/Llama-3.3-70B-Instruct-FP8-KV", "llama-3.1-70b"),
        ("nvidia/DeepSeek-V3.1-NVFP4", "deepseek-v3"),
        ("MiniMaxAI/MiniMax-M2.5", "minimax-m2"),
        ("moonshotai/Kimi-K2.5", "kimi-k2"),
        ("zhipuai/GLM-5", "glm-5"),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3-30b-a3b"),
    ],
)
def test_a_model_is_found_by_the_names_it_goes_by(asked: str, found: str) -> None:
    assert load().model(asked).name == found


@pytest.mark.parametrize(
    "asked",
    [
        "a100",
        "h100",
        "h200",
        "b200",
        "b300",
        "gb200",
        "l4",
        "l40s",
        "mi300x",
        "rtx_4090",
        "rtx_pro_6000",
        "tpu_v5e",
        "tpu_v6e",
        "a10g",
        "t4",
        "v100",
        "h20",
        "gh200",
        "mi325x",
        "mi355x",
        "rtx_3090",
        "rtx_5090",
        "dgx_spark",
    ],
)
def test_what_people_have_is_known(asked: str) -> None:
    gpu = load().gpu(asked)
    assert gpu.tflops("bf16") == gpu.bf16_tflops
    # No accelerator multiplies eight bits more slowly than sixteen, or over four times as fast.
    known = [gpu.tflops(eight) for eight in ("fp8", "int8") if gpu.tflops(eight)]
    assert all(1 <= tops / gpu.bf16_tflops <= 4.01 for tops in known)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100_sxm"),
        ("NVIDIA A100-SXM4-80GB", "a100_sxm"),
        ("NVIDIA A100-SXM4-40GB", "a100_40gb"),
        ("NVIDIA GeForce RTX 4090", "rtx_4090"),
        ("rtx-4090", "rtx_4090"),
        ("Tesla T4", "t4"),
    ],
)
def test_a_gpu_is_known_by_the_name_that_its_driver_gives(called: str, name: str) -> None:
    assert load().gpu(called).name == name


def test_a_card_of_another_memory_is_another_card() -> None:
    with pytest.raises(UnknownEntry, match="H100 40GB"):
        load().gpu("NVIDIA H100 40GB")


def test_a_name_that_is_nearly_right_gets_a_hint() -> None:
    with pytest.raises(UnknownEntry, match=r"Near it: .*llama-3\.1-8b"):
        load().model("lama-3.1-8b")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidCatalogue, match="not text in UTF-8"):
        load(own)


def test_what_nobody_knows_is_said() -> None:
    with pytest.raises(UnknownEntry, match="GPU tpu_v9"):
        load().gpu("tpu_v9")


def test_a_file_of_ones_own_adds_and_corrects(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN_GPU + OWN_GPU.replace("gpus:", "").replace("my_card", "h100"))
    catalogue = load(own)
    assert catalogue.gpu("card").memory_gb == 48
    assert catalogue.gpu("H100").bandwidth_gb_s == 700
    assert catalogue.gpu("a100").bandwidth_gb_s == 2039


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gpus: {x: {source: y}}", "lacks memory_gb"),
        (OWN_GPU.replace("700", "fast"), "bandwidth_gb_s of my_card can't be 'fast'"),
        (OWN_GPU.replace("link_gb_s", "links"), "unknown field links"),
        ("gpus: [1, 2]", "names with fields"),
        ("cards: {}", "gpus:"),
        ("gpus: {", "can't be read"),
        (OWN_GPU.replace("700", "0.7"), "bandwidth_gb_s of my_card can't be 0.7: at least 10"),
        (OWN_GPU.replace("700", ".inf"), "can't be inf"),
        (OWN_GPU.replace("[card]", "card"), "aliases of my_card must be a list"),
        ("models: {x: {layers: 3.5}}", "layers of x can't be 3.5"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_reason(
    tmp_path: Path, text: str, says: str
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(InvalidCatalogue, match=says):
        load(own)

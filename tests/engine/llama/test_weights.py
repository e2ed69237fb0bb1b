"""Weights are read by name and shape; what doesn't fit is said before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from finops.engine.errors import UnreadableModel
from finops.engine.llama.config import read_config
from finops.engine.llama.random_model import random_model
from finops.engine.llama.weights import HEAD, INDEX, SINGLE, Weights, shapes_of
from finops.engine.torch_executor import LlamaExecutor

NORM = "model.layers.1.input_layernorm.weight"
Change = Callable[[dict[str, Tensor]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return random_model(tmp_path / "model", seed=1)


def changed(folder: Path, change: Change) -> Path:
    """Write the weights again after `change`."""
    tensors = load_file(folder / SINGLE)
    change(tensors)
    save_file(tensors, folder / SINGLE)
    return folder


def sharded(folder: Path, files: int = 3) -> dict[str, str]:
    """Split the weights over several files; the index's map."""
    tensors = load_file(folder / SINGLE)
    (folder / SINGLE).unlink()
    named = {name: f"part-{at % files}.safetensors" for at, name in enumerate(tensors)}
    for file in set(named.values()):
        part = {name: tensors[name] for name in tensors if named[name] == file}
        save_file(part, folder / file)
    (folder / INDEX).write_text(json.dumps({"weight_map": named}), "utf-8")
    return named


def read(folder: Path) -> dict[str, Tensor]:
    config = read_config(folder)
    weights = Weights(folder, config)
    return {name: weights[name] for name in shapes_of(config)}


def test_what_was_written_is_read(folder: Path) -> None:
    written = load_file(folder / SINGLE)
    found = read(folder)
    assert found.keys() == written.keys()
    assert all(torch.equal(found[name], written[name]) for name in written)


def test_several_files_are_read_by_their_index(folder: Path) -> None:
    written = load_file(folder / SINGLE)
    assert len(set(sharded(folder).values())) == 3
    found = read(folder)
    assert all(torch.equal(found[name], written[name]) for name in written)


def test_tied_weights_need_no_head(tmp_path: Path) -> None:
    folder = random_model(tmp_path / "tied", tie_word_embeddings=True)
    assert HEAD not in load_file(folder / SINGLE)
    assert HEAD not in read(folder)


def test_what_can_be_computed_may_be_there(tmp_path: Path) -> None:
    folder = random_model(tmp_path / "tied", tie_word_embeddings=True)
    extra = {
        HEAD: torch.zeros(128, 64),
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8),
    }
    changed(folder, lambda tensors: tensors.update(extra))
    assert read(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tensors: tensors.pop(NORM), f"^{NORM} is missing among the weights"),
        (
            lambda tensors: [tensors.pop(name) for name in list(tensors) if ".layers.1." in name],
            "and 6 more are missing",
        ),
        (
            lambda tensors: tensors.update({"model.layers.2.mlp.up_proj.weight": torch.ones(2)}),
            "layers.2.mlp.up_proj.weight is there, and the config has no place",
        ),
        (
            lambda tensors: tensors.update({NORM: torch.ones(65)}),
            rf"{NORM} is \[65\] and should be \[64\]",
        ),
        (
            lambda tensors: tensors.update({HEAD: tensors[HEAD].T.contiguous()}),
            r"lm_head.weight is \[64, 128\] and should be \[128, 64\]",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(folder: Path, change: Change, says: str) -> None:
    with pytest.raises(UnreadableModel, match=says):
        read(changed(folder, change))


def test_codes_of_quantized_weights_are_no_weights(folder: Path) -> None:
    codes = torch.zeros(64, dtype=torch.int8)
    with pytest.raises(UnreadableModel, match=f"{NORM} is stored as I8; F32, BF16"):
        read(changed(folder, lambda tensors: tensors.update({NORM: codes})))


def test_half_precision_files_are_widened_exactly(folder: Path) -> None:
    changed(
        folder,
        lambda tensors: tensors.update({k: v.bfloat16() for k, v in tensors.items()}),
    )
    executor = LlamaExecutor.load(folder, blocks=1)
    stored = load_file(folder / SINGLE)[HEAD]
    assert stored.dtype == torch.bfloat16
    assert executor.model.head.dtype == torch.float32
    assert torch.equal(executor.model.head.bfloat16(), stored)


def test_a_folder_without_weights_says_what_it_needs(folder: Path) -> None:
    (folder / SINGLE).unlink()
    with pytest.raises(UnreadableModel, match=r"holds neither model\.safetensors nor"):
        read(folder)


def test_a_file_that_was_cut_off_is_refused(folder: Path) -> None:
    content = (folder / SINGLE).read_bytes()
    (folder / SINGLE).write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableModel, match="can't be read as safetensors"):
        read(folder)


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": 3}', "{}"])
def test_an_index_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / INDEX).write_text(text, "utf-8")
    with pytest.raises(UnreadableModel, match="can't be read as an index"):
        read(folder)


def test_an_index_names_only_files_that_are_there(folder: Path) -> None:
    sharded(folder)
    (folder / "part-1.safetensors").unlink()
    with pytest.raises(UnreadableModel, match=r"names part-1\.safetensors, which is missing"):
        read(folder)


def test_an_index_does_not_lead_out_of_the_folder(folder: Path) -> None:
    (folder / INDEX).write_text('{"weight_map": {"a": "../other.safetensors"}}', "utf-8")
    with pytest.raises(UnreadableModel, match="outside of its folder"):
        read(folder)

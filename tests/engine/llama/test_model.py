"""Scores and answers are those of Hugging Face's transformers, from the files that it writes.

tests/recordings/make/tiny_llamas.py wrote them; transformers.json names the versions.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finops.engine.llama.batch import batch_of
from finops.engine.policy import Policy
from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence
from finops.engine.torch_executor import LlamaExecutor
from tests.engine.llama.driving import Ask, serve

RECORDED = Path(__file__).parents[1] / "recorded" / "llama"
MODELS = ("llama", "mistral", "qwen2", "qwen3")
POLICY = Policy(blocks=16, block_size=16, max_tokens=11, max_seqs=3)


@pytest.mark.parametrize("name", MODELS)
def test_scores_of_every_position_are_those_of_transformers(name: str) -> None:
    recorded = json.loads((RECORDED / name / "transformers.json").read_text("utf-8"))
    executor = LlamaExecutor.load(RECORDED / name, blocks=8)
    prompt = recorded["prompt"]
    seq = Sequence(0, 0, len(prompt), 1)
    seq.blocks = [6, 1, 3, 0]
    batch = batch_of(Step([(seq, len(prompt))]), {0: prompt}, 16, torch.device("cpu"))
    batch = replace(batch, last=torch.arange(len(prompt)))
    with torch.inference_mode():
        scores = executor.model.scores(batch, executor.cache).numpy()
    # Recorded to six decimals; scores reach about 2.
    np.testing.assert_allclose(scores, recorded["scores"], atol=5e-6)


@pytest.mark.parametrize("name", MODELS)
def test_greedy_answers_are_those_of_transformers(name: str) -> None:
    recorded = json.loads((RECORDED / name / "transformers.json").read_text("utf-8"))
    asks = [Ask(recorded["prompt"], 40, at=at) for at in (0, 2, 9)]
    serve(LlamaExecutor.load(RECORDED / name, blocks=POLICY.blocks), POLICY, asks)
    assert [ask.answer for ask in asks] == [recorded["answer"]] * 3

"""A real model behind the server: what is streamed is what the model says."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.engine.errors import UnreadableModel
from finops.engine.policy import Policy
from finops.engine.sampling import Sampling
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence
from finops.engine.serve.set_up import set_up
from finops.engine.serve.settings import Batching, Real, Settings
from finops.engine.serve.tokens import ByteTokenizer
from tests.engine.serve.running import running

pytest.importorskip("torch")

from finops.engine.llama.random_model import random_model
from finops.engine.torch_executor import LlamaExecutor

PROMPTS = ("what did it cost", "who asked for this, and why so late?", "a")
TOKENS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_model(tmp_path_factory.mktemp("tiny"), seed=3)


def alone(folder: Path, prompt: str) -> list[int]:
    """What the executor says to one prompt that nobody shares a step with."""
    executor = LlamaExecutor.load(folder, blocks=64)
    scheduler = Scheduler(Policy(blocks=64, prefix_cache=False))
    ids = ByteTokenizer().encode(prompt)
    seq = Sequence(1, 0, len(ids), TOKENS)
    executor.start(seq, ids, Sampling())
    scheduler.add(seq)
    found = []
    while scheduler.live:
        step = scheduler.schedule(0)
        found += list(executor.execute(step).values())
        scheduler.apply(step, 0)
    return found


def test_streamed_text_is_the_executors_own_greedy_answer(folder: Path) -> None:
    service = set_up(Settings(Real(folder), Batching(blocks=64, max_tokens=16, max_seqs=4)))
    with running(service) as server:
        client = server.client()
        # All at once, so that they share steps, and one again, which finds its prefix.
        streams = [
            client.completions.create(
                model=folder.name, prompt=prompt, temperature=0, max_tokens=TOKENS, stream=True
            )
            for prompt in (*PROMPTS, PROMPTS[1])
        ]
        said = ["".join(chunk.choices[0].text for chunk in stream) for stream in streams]
        assert server.idle
    # Its tokens are those of ASCII, so that equal texts are equal tokens.
    expected = [ByteTokenizer().decode(alone(folder, prompt)) for prompt in PROMPTS]
    assert said == [*expected, expected[1]]
    assert len(set(expected)) == len(PROMPTS)


def test_what_the_model_cant_take_is_refused(folder: Path) -> None:
    service = set_up(Settings(Real(folder), Batching(blocks=64), name="tiny"))
    with running(service) as server:
        tiny = {"model": "tiny", "prompt": [128]}
        status, _, body = server.send("POST", "/v1/completions", tiny)
        assert status == 400
        assert b"tokens below 128" in body


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModel, match=r"no config\.json"):
        set_up(Settings(Real(tmp_path)))

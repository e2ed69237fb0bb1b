"""What can run on so many GPUs."""

from __future__ import annotations

import pytest

from finops.engine.catalogue import load
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidPolicy

CATALOGUE = load()
H100 = CATALOGUE.gpu("h100")


@pytest.mark.parametrize(
    ("model", "tp"),
    [("llama-3.1-8b", 3), ("llama-3.1-8b", 64), ("qwen2.5-7b", 8), ("llama-3.1-70b", 6)],
)
def test_gpus_that_cannot_share_the_heads_evenly_are_refused(model: str, tp: int) -> None:
    with pytest.raises(InvalidPolicy, match=f"tp {tp} can't share the"):
        Deployment(CATALOGUE.model(model), H100, tp=tp)


@pytest.mark.parametrize(
    ("model", "tp"),
    # Eight heads of keys on sixteen GPUs are stored twice; latent attention has none to share.
    [("llama-3.1-8b", 16), ("qwen2.5-7b", 4), ("deepseek-v3", 16)],
)
def test_heads_that_can_be_shared_or_stored_twice_are_not(model: str, tp: int) -> None:
    assert Deployment(CATALOGUE.model(model), H100, tp=tp).gpus == tp

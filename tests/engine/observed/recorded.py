"""The two public runs, and the deployments that they were measured on."""

from __future__ import annotations

from pathlib import Path

from finops.engine.catalogue import load
from finops.engine.deployment import Deployment
from finops.engine.observed.read import read_run
from finops.engine.observed.run import Run

RUNS = Path(__file__).parents[1] / "recorded" / "runs"
LLAMA, QWEN = "Llama-3.1-8B", "Qwen3-30B-A3B-Instruct-2507"
CHAINS = RUNS / "sharegpt300_llama31_blockchain16.jsonl.gz"
MODELS = {LLAMA: "llama-3.1-8b", QWEN: "qwen3-30b-a3b"}


def recorded(name: str) -> Run:
    """The run; the hashes of prompts are known for Llama's tokens only."""
    stem = f"real_vllm_RTXPRO6000_{name}"
    chains = CHAINS if name == LLAMA else None
    return read_run(RUNS / f"{stem}_requests.jsonl.gz", RUNS / f"{stem}_meta.json", chains)


def deployed(name: str) -> Deployment:
    """One rank of it."""
    catalogue = load()
    return Deployment(catalogue.model(MODELS[name]), catalogue.gpu("rtx_pro_6000"))

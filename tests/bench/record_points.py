"""Which measured serving points the tests hold, made from a larger collection of them.

`python -m tests.bench.record_points COLLECTION.csv` writes serving_points.csv.gz in
tests/engine/recorded anew. The collection has the columns of read_points and `source`.

Taken are the rows of NVIDIA aiconfigurator (Apache-2.0; InferenceX results and runs of NVIDIA).
Added is how a run was set up, where InferenceX's scripts say so (70b_fp8_h200_trt_slurm.sh and
70b_fp8_h200_slurm.sh in benchmarks/ of SemiAnalysisAI/InferenceX, Apache-2.0): both keep keys and
values in fp8; TensorRT-LLM's budget of a step is the longest sequence (lengths and 200); with 1,024
tokens in and out on fewer than 8 GPUs it lets new requests wait for up to 20 steps
(batch_wait_timeout_iters). Likewise SGLang with Qwen3.5 (single_node/qwen3.5_{bf16,fp8,fp4}_b300.sh
and qwen3.5_fp8_h200.sh): keys and values, budget, and how often it looks for new requests
(--scheduler-recv-interval; that of the bf16 and fp4 runs is taken for fp8 too).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.engine import POINTS

KEPT = ["gpu", "model", "precision", "engine", "tp", "pp", "attn_dp", "ep"]
KEPT += ["batch_or_concurrency", "isl", "osl", "ttft_ms", "tpot_ms"]
COUNTS = {"tp", "pp", "attn_dp", "ep", "batch_or_concurrency", "isl", "osl"}
ADDED = ["spread", "kv", "budget", "wait_steps"]
# Faster than so many GPUs multiply: of several replicas, or with cached prompts; it isn't said.
IMPOSSIBLE = "nvidia/Qwen3-32B-NVFP4"
# Rows with attention data-parallel repeat runs on tp GPUs to the microsecond, with other numbers in
# these columns. So how those ran isn't clear, and they are left out; so are 64 GPUs of a node of 8.
SPLIT = {"tp", "pp", "attn_dp", "ep", "engine"}
LARGEST = 8


def chosen(rows: Iterator[Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """The rows to keep, with what is known of their runs; each run once."""
    seen = set()
    for row in rows:
        if "aiconfigurator" not in row["source"] or row["model"] == IMPOSSIBLE:
            continue
        kept = {name: rounded(name, row[name]) for name in KEPT}
        run = tuple(kept[name] for name in KEPT if name not in SPLIT)
        if run in seen or int(kept["attn_dp"]) > 1 or int(kept["tp"]) > LARGEST:
            continue
        seen.add(run)
        yield kept | {"spread": "0.2"} | setting(kept)


def rounded(name: str, text: str) -> str:
    """A count as an integer, a time to a microsecond, all else as it is."""
    if name in COUNTS and text:
        return str(int(float(text)))
    return f"{float(text):.3f}" if name in ("ttft_ms", "tpot_ms") and text else text


def setting(row: Mapping[str, str]) -> dict[str, str]:
    """How InferenceX ran Llama 3.1 70B and Qwen3.5."""
    if row["model"] == "Qwen/Qwen3.5-397B-A17B":
        return setting_of_sglang(row)
    if row["model"] != "meta-llama/Llama-3.1-70B":
        return {}
    if row["engine"].startswith("vllm"):
        return {"kv": "fp8", "budget": "8192"}
    prompt, output = int(row["isl"]), int(row["osl"])
    waits = prompt == output == 1024 and int(row["tp"]) < 8
    return {
        "kv": "fp8",
        "budget": str(prompt + output + 200),
        "wait_steps": "20" if waits else "",
    }


def setting_of_sglang(row: Mapping[str, str]) -> dict[str, str]:
    """On B300 it looks for new requests every 30 steps, or 10 with few clients: half is waited."""
    kv = "" if row["precision"] == "bf16" else "fp8"
    if row["gpu"] != "b300_sxm":
        return {"kv": kv, "budget": "16384"}
    waits = 15 if int(row["batch_or_concurrency"]) >= 16 else 5
    return {
        "kv": kv,
        "budget": "16384" if row["precision"] == "fp8" else "32768",
        "wait_steps": str(waits),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("collection", type=Path)
    with parser.parse_args().collection.open(newline="") as file:
        rows = list(chosen(csv.DictReader(file)))
    text = io.StringIO()
    writer = csv.DictWriter(text, KEPT + ADDED, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    POINTS.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    print(f"{len(rows)} points in {POINTS.name}")


if __name__ == "__main__":
    main()

"""What to do about a deployment that can't be predicted or calibrated as it stands."""

from __future__ import annotations

from finops.engine.fit_profile import what_to_measure

NEW_GPU = (
    "Name it in a YAML file with the figures of its data sheet, and give that as --catalogue:\n"
    "  gpus:\n"
    "    my-gpu: {source: data sheet, memory_gb: 80, bandwidth_gb_s: 3350, bf16_tflops: 989,\n"
    "             link: NVLink 4, link_gb_s: 900}"
)
NEW_MODEL = (
    "Name it in a YAML file with the figures of its config.json, and give that as --catalogue:\n"
    "  models:\n"
    "    my-model: {source: config.json, layers: 32, hidden: 4096, heads: 32, kv_heads: 8,\n"
    "               head_dim: 128, ffn: 14336, vocab: 128256}"
)


def advice(reason: str) -> str:
    """What to do about an error of the engine, by its text; '' where the text says it all."""
    if reason.startswith("No GPU"):
        return f"{NEW_GPU}\n{what_to_measure()}"
    if reason.startswith("No model"):
        return f"{NEW_MODEL}\n{what_to_measure()}"
    return ""

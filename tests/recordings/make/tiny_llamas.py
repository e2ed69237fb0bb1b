"""pip install torch transformers safetensors, versions in the recordings.

Writes small random models as transformers saves them, and what it makes of a prompt: the scores of
every position, and a greedy answer. Usage: tiny_llamas.py FOLDER (tests/engine/recorded/llama).
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SIZES = {
    "vocab_size": 48,
    "hidden_size": 16,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": None,
    "eos_token_id": None,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}
MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig, {"head_dim": 16, "rope_parameters": LLAMA3}, "16KB"),
    "mistral": (
        MistralForCausalLM,
        MistralConfig,
        {"sliding_window": None, "rope_parameters": LINEAR},
        "1GB",
    ),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": True}, "1GB"),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"head_dim": 8}, "1GB"),
}


def main() -> None:
    torch.manual_seed(7)
    prompt = torch.randint(0, SIZES["vocab_size"], (1, 60))
    for name, (model_class, config_class, more, shard) in MODELS.items():
        model = model_class(config_class(**SIZES, **more)).eval()
        for weight in model.parameters():
            # Livelier than the usual start, so that the scores of two tokens are far apart.
            weight.data.copy_(torch.randn_like(weight) * weight.shape[-1] ** -0.5)
            if weight.dim() == 1:
                weight.data.add_(0.5)
        folder = Path(sys.argv[1]) / name
        model.save_pretrained(folder, max_shard_size=shard)
        (folder / "generation_config.json").unlink(missing_ok=True)
        with torch.no_grad():
            scores = model(prompt).logits[0].double()
            # Without a mask of its own, generate takes the token 0 of the prompt for padding.
            mask = torch.ones_like(prompt)
            answer = model.generate(
                prompt, attention_mask=mask, max_new_tokens=40, do_sample=False, pad_token_id=0
            )
        recorded = {
            "made_with": {package: version(package) for package in ("torch", "transformers")},
            "prompt": prompt[0].tolist(),
            "answer": answer[0, prompt.shape[1] :].tolist(),
            "scores": [[round(score, 6) for score in row] for row in scores.tolist()],
        }
        (folder / "transformers.json").write_text(json.dumps(recorded) + "\n", "utf-8")


main()

"""In what numbers weights are stored and multiplied."""

from __future__ import annotations

from collections.abc import Mapping

from finops.engine.errors import UnknownEntry

# Precision of the weights: bytes a parameter with its scales, and activations that are usual.
WEIGHTS: Mapping[str, tuple[float, str]] = {
    "bf16": (2.0, "bf16"),
    "fp8": (1.0, "fp8"),
    "fp8_block": (1.0, "fp8"),
    "int8": (1.0, "bf16"),
    "w8a8": (1.0, "int8"),
    "int4": (0.53, "bf16"),
    "nvfp4": (0.5625, "fp4"),
    "mxfp4": (0.53125, "bf16"),
}
ACTIVATIONS = ("bf16", "fp8", "int8", "fp4")

# Kernels that were measured, by weights and activations.
KERNELS: Mapping[tuple[str, str], str] = {
    ("fp8", "fp8"): "fp8",
    ("fp8_block", "fp8"): "fp8_block",
    ("int8", "bf16"): "int8_wo",
    ("w8a8", "int8"): "sq",
    ("int8", "int8"): "sq",
    ("int4", "bf16"): "int4_wo",
    ("nvfp4", "fp4"): "nvfp4",
}


def bytes_per_parameter(weights: str) -> float:
    """Bytes of a stored weight, scales included; raises UnknownEntry."""
    if weights not in WEIGHTS:
        raise UnknownEntry(f"Precision {weights} is not one of {', '.join(WEIGHTS)}.")
    return WEIGHTS[weights][0]


def activations_of(weights: str, activations: str = "") -> str:
    """What the weights are multiplied with: as asked for, or what is usual; raises UnknownEntry."""
    if activations and activations not in ACTIVATIONS:
        raise UnknownEntry(f"Activations {activations} are not one of {', '.join(ACTIVATIONS)}.")
    return activations or WEIGHTS[weights][1]

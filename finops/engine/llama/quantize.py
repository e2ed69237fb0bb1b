"""Products with weights that are stored as they are, or in eight or four bits.

Only weights are quantized ("weight-only"): they are unpacked for each product, so this saves
memory, and time only where reading the weights is what takes it and unpacking is free. Rounding is
to the nearest step, so no weight moves by more than half a step of its row or group.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

from finops.engine.errors import UnsupportedDevice, UnsupportedModel

GROUP = 64


class Product(Protocol):
    """[rows, inputs] times the weights: [rows, outputs]."""

    def __call__(self, rows: Tensor) -> Tensor: ...

    @property
    def nbytes(self) -> int:
        """Bytes of what is stored."""


class Plain:
    """Weights [outputs, inputs] in the format of the computation."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight, self.bias = weight, bias

    def __call__(self, rows: Tensor) -> Tensor:
        return linear(rows, self.weight, self.bias)

    @property
    def nbytes(self) -> int:
        return int(self.weight.nbytes)


class Int8:
    """One signed byte a weight and one step (fp32) an output: step = largest magnitude ÷ 127."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        exact = weight.float()
        step = exact.abs().amax(dim=1) / 127.0
        self.step = torch.where(step > 0.0, step, 1.0)
        self.codes = torch.round(exact / self.step[:, None]).to(torch.int8)
        self.bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        # Codes are exact in bf16 too; so the step is the only thing that is rounded.
        product = linear(rows, self.codes.to(rows.dtype)) * self.step.to(rows.dtype)
        return product if self.bias is None else product + self.bias

    @property
    def nbytes(self) -> int:
        return int(self.codes.nbytes + self.step.nbytes)


class Int4:
    """Two weights a byte; each group of inputs of an output has its lowest value and a step (fp32).

    step = (highest − lowest) ÷ 15. The first half of a row's codes is in the low four bits, the
    second in the high four.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        outputs, inputs = weight.shape
        if inputs % 2:
            raise UnsupportedModel(f"int4 packs weights in pairs; {inputs} inputs are odd.")
        groups = inputs // math.gcd(inputs, GROUP)
        exact = weight.float().view(outputs, groups, -1)
        self.lowest = exact.amin(dim=2, keepdim=True)
        step = (exact.amax(dim=2, keepdim=True) - self.lowest) / 15.0
        self.step = torch.where(step > 0.0, step, 1.0)
        codes = torch.round((exact - self.lowest) / self.step).clamp(0, 15)
        low, high = codes.to(torch.uint8).view(outputs, inputs).chunk(2, dim=1)
        self.packed = low | (high << 4)
        self.bias = bias

    def weight(self) -> Tensor:
        """The weights as they are computed with, fp32 [outputs, inputs]."""
        codes = torch.cat((self.packed & 15, self.packed >> 4), dim=1)
        outputs, groups, _ = self.step.shape
        values = codes.view(outputs, groups, -1).float() * self.step + self.lowest
        return values.view(outputs, -1)

    def __call__(self, rows: Tensor) -> Tensor:
        return linear(rows, self.weight().to(rows.dtype), self.bias)

    @property
    def nbytes(self) -> int:
        return int(self.packed.nbytes + self.step.nbytes + self.lowest.nbytes)


PRECISIONS: dict[str | None, type[Plain] | type[Int8] | type[Int4]] = {
    None: Plain,
    "int8": Int8,
    "int4": Int4,
}


def product_of(weight: Tensor, bias: Tensor | None, quantize: str | None) -> Product:
    """Weights in the precision asked for; raises UnsupportedDevice for an unknown one."""
    if quantize not in PRECISIONS:
        raise UnsupportedDevice(f"quantize can be int8, int4 or nothing, not {quantize}.")
    return PRECISIONS[quantize](weight, bias)

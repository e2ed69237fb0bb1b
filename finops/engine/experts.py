"""Which experts of a mixture the tokens of a step reach, and how evenly they lie on GPUs.

Routing is taken to be even: each token goes to `experts_used` of all experts, any with equal odds.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from finops.engine.result import Floats
from finops.engine.shapes import Model


def reached(model: Model, tokens: Floats, groups: int) -> Floats:
    """The share of its experts that a GPU reads for so many tokens: 1 − (1 − used/experts)^tokens.

    With experts dealt out to `groups`, all wait for the group with most to read. The number that is
    reached there is the largest of as many hypergeometric draws, taken as normal ones.
    """
    share = 1.0 - (1.0 - model.experts_used / model.experts) ** tokens
    if groups == 1:
        return np.asarray(share, np.float64)
    each = model.experts / groups
    deviation = np.sqrt(each * share * (1.0 - share) * (1.0 - 1.0 / groups))
    return np.asarray(np.minimum(1.0, share + largest_of(groups) * deviation / each), np.float64)


def largest_of(draws: int) -> float:
    """How many deviations the largest of so many normal draws lies above the mean (Blom, 1958)."""
    return NormalDist().inv_cdf((draws - 0.375) / (draws + 0.25))


def groups_of_a_token(model: Model, groups: int) -> float:
    """How many of the groups hold an expert that one token goes to, in the mean."""
    return groups * (1.0 - (1.0 - 1.0 / groups) ** model.experts_used)

"""How much each factor of a product did to its change: Shapley values, exact and symmetric.

For a product x1 · x2 · … · xn that goes from `before` to `after`, the part of a factor is what its
change did, averaged over every order in which the factors could have changed one after the other.
The parts add up to the whole change without a residual, they turn their signs when the two periods
are swapped, and zeros need no special care, unlike in the logarithmic mean (LMDI).

Sources: L. S. Shapley, "A value for n-person games" (1953); J. Albrecht, D. François, K. Schoors,
"A Shapley decomposition of carbon emissions without residuals", Energy Policy 30 (2002); for LMDI
and its zeros B. W. Ang, Energy Policy 33 (2005), and R. Wood, M. Lenzen, Energy Policy 34 (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from math import factorial

# Amounts have 12 places and at most 38 digits: a quotient is known far beyond both.
WORKING = Context(prec=60, rounding=ROUND_HALF_EVEN)
LAST_PLACE = Decimal("0.000000000001")
ZERO = Decimal(0)


def product_parts(before: Sequence[Decimal], after: Sequence[Decimal]) -> list[Decimal]:
    """Return each factor's part of (product of `after` − product of `before`).

    With the other factors multiplied out by how many of them have changed already,
    part_i = (after_i − before_i) · Σ_k k! (n−1−k)! / n! · (sum of products with k changed). Factors
    that stayed the same have no part, and leaving them out of the game changes no other part.
    """
    with localcontext(WORKING):
        moved = [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
        same = Decimal(1)
        for i, value in enumerate(before):
            if i not in moved:
                same *= value
        parts = [ZERO] * len(before)
        orders = factorial(len(moved))
        for i in moved:
            others = [(before[j], after[j]) for j in moved if j != i]
            parts[i] = (after[i] - before[i]) * same * sum_over_orders(others) / orders
        return parts


def sum_over_orders(others: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Σ_k k! (n−1−k)! · e_k, where e_k sums the products in which k factors are changed ones."""
    sums = [Decimal(1)]
    for old, new in others:
        longer = [value * old for value in sums]
        longer.append(ZERO)
        for k, value in enumerate(sums):
            longer[k + 1] += value * new
        sums = longer
    most = len(others)
    return sum((factorial(k) * factorial(most - k) * value for k, value in enumerate(sums)), ZERO)


def round_to_total(parts: Sequence[Decimal], total: Decimal) -> list[Decimal]:
    """Round parts to 12 places so that they add up to `total`, which has no more than 12 places.

    Units of the last place that rounding left over go where it took the most away (largest
    remainder). Of parts and total with all signs turned, the result is the same with its signs
    turned.
    """
    rounded = [WORKING.quantize(part, LAST_PLACE) for part in parts]
    left = WORKING.subtract(total, sum_exactly(rounded))
    units = int(WORKING.divide(abs(left), LAST_PLACE).to_integral_value())
    step = LAST_PLACE.copy_sign(left)
    sign = Decimal(1).copy_sign(left)
    lost = [
        WORKING.multiply(sign, WORKING.subtract(a, b)) for a, b in zip(parts, rounded, strict=True)
    ]
    most_lost = sorted(range(len(parts)), key=lambda i: -lost[i])
    for n in range(units):
        index = most_lost[n % len(most_lost)]
        rounded[index] = WORKING.add(rounded[index], step)
    return rounded


def sum_exactly(amounts: Sequence[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = WORKING.add(total, amount)
    return total

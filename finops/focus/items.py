"""What the calls of one ledger line bought, SKU by SKU; together it is the line's cost exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from finops.focus.meters import CALL, FREE, OTHER, TOKEN_METERS, USES, Meter, use_meter
from finops.queries.focus_lines import FocusLine

EXACT = Context(prec=76, rounding=ROUND_HALF_EVEN)
NOTHING = Decimal(0)
# The ledger rounds each bucket of each call to 12 places.
USD_PLACES = Decimal("1e-12")
HALF_PLACE = USD_PLACES / 2


@dataclass(frozen=True, slots=True)
class Item:
    """One SKU of one line: what was used, what it cost, and its prices for one unit."""

    meter: Meter
    quantity: int
    billed_usd: Decimal
    waste_usd: Decimal
    contracted: Decimal | None
    listed: Decimal | None


def items(line: FocusLine) -> list[Item]:
    """Split a line into its SKUs."""
    found = [] if line.hit else [*token_items(line), *fee_items(line)]
    left = line.cost_usd - sum((item.billed_usd for item in found), NOTHING)
    if left:
        left_waste = line.waste_usd - sum((item.waste_usd for item in found), NOTHING)
        found.append(Item(OTHER, line.calls, left, left_waste, None, None))
    return found or [Item(FREE, line.calls, NOTHING, NOTHING, NOTHING, NOTHING)]


def token_items(line: FocusLine) -> list[Item]:
    return [
        Item(
            TOKEN_METERS[metered.bucket],
            metered.tokens,
            metered.usd,
            metered.waste_usd,
            charged_price(line, metered.bucket, metered.tokens, metered.usd),
            list_price(line, metered.bucket),
        )
        for metered in line.meters
        if metered.tokens
    ]


def charged_price(line: FocusLine, bucket: str, quantity: int, usd: Decimal) -> Decimal | None:
    """The rate of a bucket, if it is what was charged but for the rounding of each call."""
    price = line.contracted.per.get(bucket)
    if price is None:
        return None
    off = abs(EXACT.multiply(price, Decimal(quantity)) - usd)
    return price if off <= HALF_PLACE * line.calls else None


def list_price(line: FocusLine, bucket: str) -> Decimal | None:
    """The list price of a bucket; none for calls that the ledger knows no list price of."""
    return line.listed.per.get(bucket) if line.list_usd is not None else None


def fee_items(line: FocusLine) -> list[Item]:
    """Fees for calls, and for what is billed by use."""
    found = []
    if line.call_usd:
        calls, usd = line.charged_calls, line.call_usd
        price = charged_price(line, "call", calls, usd)
        found.append(Item(CALL, calls, usd, line.call_waste_usd, price, list_price(line, "call")))
    if line.uses_usd:
        found += use_items(line)
    return found


def use_items(line: FocusLine) -> list[Item]:
    """One item for each use that has a price; their sum is the line's fees, rounding included."""
    listed: Mapping[str, Decimal] = line.listed.uses if line.list_usd is not None else {}
    priced = {
        name: (count, line.contracted.uses[name])
        for name, count in sorted(line.uses.items())
        if line.contracted.uses.get(name)
    }
    costs = {name: places(count * price) for name, (count, price) in priced.items()}
    rest = line.uses_usd - sum(costs.values(), NOTHING)
    if not costs or abs(rest) > HALF_PLACE * 2 * line.calls * len(costs):
        return [Item(USES, line.calls, line.uses_usd, line.uses_waste_usd, None, None)]
    waste = {name: places(line.wasted_uses.get(name, 0) * priced[name][1]) for name in costs}
    first = next(iter(costs))
    costs[first] += rest
    waste[first] += line.uses_waste_usd - sum(waste.values(), NOTHING)
    return [
        Item(use_meter(name), count, costs[name], waste[name], price, listed.get(name))
        for name, (count, price) in priced.items()
    ]


def places(usd: Decimal) -> Decimal:
    return usd.quantize(USD_PLACES, context=EXACT)

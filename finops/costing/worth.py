"""SQL of what calls are worth: tokens times rate, bucket by bucket, in Decimal.

    cost of a bucket = round(tokens x rate, 12 places, half away from zero)
    cost of a call   = the sum of its buckets, its fee and what it is billed by use

so the parts of a charge always add up to its cost. Prices seldom have more than 12 places per
token; then nothing needs rounding, and the products are exact as they are.

A statement is made for the calls that it is about: buckets that none of them names, fees that none
of their rates has and list prices that can't differ are not worked out.
"""

from __future__ import annotations

from dataclasses import dataclass

from finops.costing.gather import BUCKETS, INPUT, OUTPUT, total
from finops.costing.tariffs import PRICED, Offers

ZERO = "toDecimal128(0, 12)"
USD = tuple(f"{name}_usd" for name in PRICED)

# Uses that come on top of tokens cost what they cost; the others are other measures of what tokens
# measure too, and cost nothing where the rate is one for tokens.
MEASURES = "('page', 'annotated_page', 'character', 'text_message', 'audio_ms')"

# Operations that a count of output belongs to: one that was refused at the door, or never sent, is
# unknown and not 0. A bill of the other half alone would be too low and look right.
ANSWERS = "('', 'chat', 'completion', 'text_completion', 'generate_content')"

STATES = ("", "no_model", "no_rate", "no_usage")
FREE = len(STATES)


@dataclass(frozen=True, slots=True)
class Seen:
    """What some calls name: the buckets, and whether anything is counted by use."""

    buckets: tuple[str, ...]
    used: bool


def seen_of(said: int, used: int) -> Seen:
    """Read the bits that `gather.SAID` sets."""
    return Seen(tuple(b for place, b in enumerate(BUCKETS) if said >> place & 1), bool(used))


def range_of(ranges: str) -> str:
    """SQL of the number of the offer that holds; 0 for none.

    Strictly above the threshold is the dearer tier; 0 is no threshold, even for no tokens at all.
    """
    return f"""arrayFirst(r ->
        (r.context_above = 0 OR total_input > r.context_above) AND total_input <= r.context_upto
        AND started_at >= r.valid_from AND started_at < r.valid_to
        AND day_s >= r.daily_from_s AND day_s < r.daily_to_s,
        {ranges}).1"""


class Worth:
    """The expressions of one statement, by what its calls name and what their rates are like."""

    def __init__(self, seen: Seen, offers: Offers) -> None:
        self.seen, self.offers = seen, offers
        self.parts = (*seen.buckets, *(("call",) if offers.call_fee else ()))
        self.places = 12 if offers.short else 18

    def rates(self, side: str) -> str:
        """SQL of the table of prices that `side` is joined with."""
        prices = ", ".join(
            f"toDecimal128({name}, {self.places}) AS {side}_{name}"
            for name in dict.fromkeys((*self.parts, "input"))
        )
        uses = f", uses_usd AS {side}_uses_usd" if self.seen.used else ""
        return (
            f"SELECT number AS {side}_number, lacking AS {side}_lacking, {prices}{uses} FROM offers"
        )

    def rounded(self, usd: str) -> str:
        return usd if self.places == 12 else f"CAST(round({usd}, 12) AS Decimal(38, 12))"

    def product(self, part: str, side: str) -> str:
        """SQL of what one part of a call costs; a part that it doesn't name costs 0."""
        if part == "call":
            return self.rounded(f"{side}_call")
        return self.rounded(f"ifNull({part}_tokens, 0) * {side}_{part}")

    def products(self, side: str) -> list[str]:
        """SQL of all parts, each with its name, and of their sum: `{side}_worth`."""
        found = [f"{self.product(part, side)} AS {side}_worth_{part}" for part in self.parts]
        terms = [f"{side}_worth_{part}" for part in self.parts]
        if self.seen.used:
            found.append(f"{self.by_use(side)} AS {side}_worth_uses")
            terms.append(f"{side}_worth_uses")
        return [*found, f"{' + '.join(terms) or ZERO} AS {side}_worth"]

    def by_use(self, side: str) -> str:
        return f"""arraySum(arrayMap((use, times) ->
            CAST(round(times * {side}_uses_usd[use], 12) AS Decimal(38, 12)),
            mapKeys(uses), mapValues(uses)))"""

    def lacks(self, side: str) -> str:
        """SQL of whether something is used that the rate has no price for."""
        lacking = [
            f"bitTest({side}_lacking, {PRICED.index(b)}) AND ifNull({b}_tokens, 0) > 0"
            for b in self.seen.buckets
            if b in self.offers.lacking
        ]
        if self.seen.used:
            lacking.append(f"""arrayExists((use, times) ->
                times > 0 AND NOT mapContains({side}_uses_usd, use)
                    AND NOT (use IN {MEASURES} AND {any_of(self.known(BUCKETS))}),
                mapKeys(uses), mapValues(uses))""")
        return any_of(lacking)

    def known(self, buckets: tuple[str, ...]) -> list[str]:
        return [f"isNotNull({b}_tokens)" for b in buckets if b in self.seen.buckets]

    @property
    def total_input(self) -> str:
        return total(tuple(b for b in INPUT if b in self.seen.buckets)) or "toUInt64(0)"

    @property
    def state(self) -> str:
        """SQL of the place in STATES that says why a call has no price, or FREE."""
        used = "notEmpty(uses)" if self.seen.used else "0"
        measured = f"arrayExists(use -> use IN {MEASURES}, mapKeys(uses))"
        if not self.seen.used:
            measured = "0"
        nothing = f"NOT {any_of([*self.known(BUCKETS), used])}"
        complete = f"""({measured} OR ({used} AND operation NOT IN {ANSWERS})
            OR ({any_of(self.known(INPUT))} AND ({any_of(self.known(OUTPUT))}
                OR outcome != 'ok' OR operation NOT IN {ANSWERS})))"""
        return f"""multiIf(
            NOT counted OR (outcome IN ('error', 'rate_limited') AND {nothing}), {FREE},
            model = '', 1, rate_number = 0, 2, NOT {complete}, 3, {self.lacks("rate")}, 2, 0)"""

    @property
    def cache_saving(self) -> str:
        """SQL of cached tokens at the price of input, less what they cost."""
        terms = [
            f"ifNull({b}_tokens, 0) * (rate_input - rate_{b})"
            for b in ("cache_read", "cache_write_5m", "cache_write_1h")
            if b in self.seen.buckets
        ]
        if not terms:
            return ZERO
        saving = self.rounded(f"({' + '.join(terms)})")
        if "input" not in self.offers.lacking:
            return saving
        return f"if(bitTest(rate_lacking, {PRICED.index('input')}), {ZERO}, {saving})"

    def part_usd(self, part: str) -> str:
        """SQL of the column of one part: NULL where the call, or its rate, doesn't name it."""
        if part not in self.parts:
            return f"if(nothing, {ZERO}, NULL)"
        absent = f"isNull({part}_tokens)"
        if part == "call":
            absent = f"bitTest(rate_lacking, {PRICED.index('call')})"
        return f"if(nothing, {ZERO}, if(state != 0 OR {absent}, NULL, rate_worth_{part}))"

    @property
    def money(self) -> dict[str, str]:
        """Column of `charges` -> SQL, over `products`, `state`, `nothing` and `hit`."""
        priced = f"if(nothing, {ZERO}, if(state != 0, NULL, rate_worth))"
        listed = "cost_usd"
        if self.offers.contracts:
            unlisted = f"list_number = 0 OR {self.lacks('list')}"
            listed = f"if(nothing, {ZERO}, if(state != 0 OR {unlisted}, NULL, list_worth))"
        uses = f"if(nothing, {ZERO}, NULL)"
        if self.seen.used:
            uses = f"""if(nothing, {ZERO},
                if(state != 0 OR empty(uses), NULL, rate_worth_uses))"""
        reasons = ", ".join(f"'{state}'" for state in (*STATES, ""))
        return {
            **{f"{part}_usd": self.part_usd(part) for part in PRICED},
            "uses_usd": uses,
            "cost_usd": priced,
            "list_usd": listed,
            "discount_saving_usd": "list_usd - cost_usd",
            "unpriced_reason": f"if(nothing, '', arrayElement([{reasons}], state + 1))",
            "provider_cache_saving_usd": f"if(nothing, {ZERO}, if(state != 0, NULL, cache_saving))",
            # The inner `if` keeps what lies under the NULLs at zero: that compresses.
            "response_cache_saving_usd": f"""if(hit AND state = 0,
                if(hit, rate_worth, {ZERO}), NULL)""",
        }


def any_of(conditions: list[str]) -> str:
    """SQL of whether one of these holds."""
    return f"({' OR '.join(f'({condition})' for condition in conditions)})" if conditions else "0"

"""Numbers, days and units as exports write them; a ValueError says in words what is wrong."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

LARGEST = Decimal(10) ** 15
# Exact where the usual 28 digits are not.
DIGITS = 60
# 0.0001000000000000000000 is money too; more digits than the table keeps are no more exact.
PLACES = Decimal("1e-18")
TOKEN_PLACES = Decimal("1e-6")
PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?\Z", re.ASCII)
SCALES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}
UNIT = re.compile(r"^\s*([\d.,]+)?\s*([kmb](?![a-z]))?[\s/]*(.*)$", re.IGNORECASE)


def read_decimal(text: str, *, decimal_comma: bool = False) -> Decimal:
    """Read -1234.5, 1,234.5, 1e-7, $12 or (12.50); with decimal_comma 1.234,5."""
    bare = text.strip().replace("\u00a0", "").replace(" ", "").replace("\u2212", "-")
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare.strip("()").replace("$", "").replace("€", "").replace("£", "")
    if decimal_comma:
        bare = bare.replace(".", "").replace(",", ".")
    elif GROUPED.match(bare):
        bare = bare.replace(",", "")
    if not PLAIN.match(bare):
        raise ValueError(f"{text[:40]!r} is not a number")
    read = Decimal(bare)
    if abs(read) >= LARGEST:
        raise ValueError(f"{text[:40]!r} is too large a number")
    if read.as_tuple().exponent < -18:  # type: ignore[operator]
        with localcontext() as context:
            context.prec = DIGITS
            read = read.quantize(PLACES)
    return -read if negative else read


def read_amount(text: str | None, *, decimal_comma: bool = False) -> Decimal | None:
    """As read_decimal; None for an empty cell."""
    if text is None or not text.strip():
        return None
    return read_decimal(text, decimal_comma=decimal_comma)


def read_moment(text: str, *, form: str = "") -> datetime:
    """Read a time and return it in UTC; one without a zone is UTC already.

    ISO 8601, "2026-11-01 00:00:00 UTC", seconds since 1970, or `form` as strptime has it.
    """
    bare = text.strip()
    try:
        if form:
            moment = datetime.strptime(bare, form)  # noqa: DTZ007 - its zone is set below
        elif re.fullmatch(r"\d{9,11}(\.0+)?", bare):
            moment = datetime.fromtimestamp(int(float(bare)), UTC)
        else:
            moment = datetime.fromisoformat(re.sub(r"\s*UTC$", "+00:00", bare))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{text[:40]!r} is not a day" + (f" of the form {form}" if form else "")
        ) from None
    if not 2000 <= moment.year < 2100:
        raise ValueError(f"{text[:40]!r} lies outside the years 2000 to 2099")
    return moment


def read_day(text: str, *, form: str = "") -> date:
    return read_moment(text, form=form).date()


def read_currency(text: str) -> str:
    """Return the three letters of ISO 4217."""
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise ValueError(f"{text[:20]!r} is not a currency of three letters")
    return code


def tokens_of(quantity: Decimal | None, unit: str) -> Decimal | None:
    """Return a quantity as tokens: 12.5 of "1K tokens" is 12,500; None where it counts none."""
    if quantity is None or not counts_tokens(unit):
        return None
    found = UNIT.match(unit)
    if found is None:
        return None
    number = read_decimal(found[1] or "1")
    with localcontext() as context:
        context.prec = DIGITS
        tokens = quantity * number * SCALES[(found[2] or "").upper()]
        if abs(tokens) >= LARGEST:
            raise ValueError(f"{quantity} of {unit[:40]!r} are too many tokens")
        return tokens.quantize(TOKEN_PLACES)


def counts_tokens(unit: str) -> bool:
    """Say whether a unit is tokens: "1K tokens", "1M", "Tokens"; token-hours are storage."""
    lowered = unit.lower()
    if "hour" in lowered or "-h" in lowered:
        return False
    return "token" in lowered or re.fullmatch(r"\s*1[\d,]*\s*[km]?\s*", lowered) is not None

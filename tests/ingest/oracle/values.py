"""How attributes of any type become texts, and texts numbers: the oracle's own reading of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from math import isfinite
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
LARGEST_COUNT = 2**32 - 1
# Beyond these powers of ten ClickHouse writes a number with an exponent.
LEAST_EXPONENT, MOST_EXPONENT = -6, 21

ESCAPES = {code: f"\\u{code:04X}" for code in (*range(0x20), 0x2028, 0x2029)} | {
    ord(letter): "\\" + short for letter, short in zip('\b\f\n\r\t"\\', 'bfnrt"\\', strict=True)
}


def texts_of(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Return attributes as texts; of two with one name the first counts."""
    found: dict[str, str] = {}
    for attribute in attributes:
        key, value = attribute.key, attribute.value
        if key not in found:
            found[key] = value.string_value or text_of(value)
    return found


def text_of(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    if kind == "int_value":
        return str(value.int_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "double_value":
        return text_of_real(value.double_value)
    if kind == "array_value":
        # Of an attribute's own array slashes are escaped; of JSON that a text holds they aren't.
        texts = [item.string_value for item in value.array_value.values]
        return text_of_json(texts).replace("/", "\\/")
    return ""


def text_of_real(number: float) -> str:
    """Write a number with as few digits as tell it from its neighbours."""
    if not isfinite(number):
        return str(number)
    mantissa, _, power = repr(number).partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return sign + "0"
    places = int(power or 0) - len(fraction)
    bare = digits.rstrip("0")
    places += len(digits) - len(bare)
    return sign + placed(bare, places)


def placed(digits: str, places: int) -> str:
    """Write digits × 10^places."""
    exponent = places + len(digits) - 1
    if not LEAST_EXPONENT <= exponent < MOST_EXPONENT:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{digits[0]}{tail}e{exponent}"
    if places >= 0:
        return digits + "0" * places
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    return f"{digits[:places]}.{digits[places:]}"


def number_of(text: str) -> float | None:
    """Read a decimal number; None if it is none, or no finite one."""
    if not NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if isfinite(number) else None


def count_of(text: str) -> int | None:
    """Read a whole number from 0 up that fits in 32 bits, however it is written."""
    if not text:
        return None
    if COUNT.fullmatch(text):
        return int(text)
    number = number_of(text)
    if number is None or not 0 <= number <= LARGEST_COUNT or number != int(number):
        return None
    return int(number)


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def refuse(constant: str) -> float:
    raise ValueError(constant)


def finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else refuse(text)


def parse_json(text: str) -> Any:
    """Return what a JSON text holds; None if it is damaged."""
    try:
        value = json.loads(
            text, object_pairs_hook=first_wins, parse_constant=refuse, parse_float=finite
        )
        if "\\u" in text:
            # Half a pair of surrogates stands for no letter.
            text_of_json(value).encode()
    except (ValueError, RecursionError):
        return None
    return value


def text_of_member(value: Any, path: tuple[str | int, ...]) -> str:
    """Follow a path into parsed JSON; '' if it leads nowhere or to null."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(step, int) and isinstance(value, list) and step <= len(value):
            value = value[step - 1]
        else:
            return ""
    if value is None:
        return ""
    return value if isinstance(value, str) else text_of_json(value)


def text_of_json(value: Any) -> str:
    """Write JSON as ClickHouse does: no spaces, numbers as short as can be."""
    if isinstance(value, str):
        return f'"{value.translate(ESCAPES)}"'
    if isinstance(value, float):
        return text_of_real(value)
    if isinstance(value, dict):
        members = (f"{text_of_json(key)}:{text_of_json(inner)}" for key, inner in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(text_of_json(inner) for inner in value) + "]"
    return json.dumps(value)


def lower(text: str) -> str:
    """Lower the letters of ASCII; others stay."""
    return text.lower() if text.isascii() else text.encode().lower().decode()

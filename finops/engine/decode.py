"""Frozen dataclasses from what JSON gives, strictly: all fields, nothing else, the right types.

Knows what records of the engine are made of: str, bool, int, float, dataclasses, tuples (of one
type and any length, or of a fixed length), mappings by name, and any of these or None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from finops.engine.errors import EngineError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


class Undecodable(ValueError):
    """A value is not of the type that its place needs; the message names the place."""


def decode(kind: type[Record], value: object, where: str = "") -> Record:
    """A `kind`, which is a dataclass, from a mapping; a field with a default may be left out.

    Raises Undecodable with the path of the field that is wrong.
    """
    if not isinstance(value, Mapping):
        raise Undecodable(f"{where or 'the file'} must be an object")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    for name in value:
        if name not in known:
            raise Undecodable(f"{below(where, name)} is not known")
    given: dict[str, Any] = {}
    for name, field in known.items():
        if name in value:
            given[name] = decode_as(hints[name], value[name], below(where, name))
        elif field.default is MISSING and field.default_factory is MISSING:
            raise Undecodable(f"{below(where, name)} is missing")
    try:
        return kind(**given)
    except EngineError as error:
        raise Undecodable(f"{where}: {error}") from error


def decode_as(hint: Any, value: object, where: str) -> object:
    """The value as the type that an annotation names."""
    if is_dataclass(hint) and isinstance(hint, type):
        return decode(hint, value, where)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType:
        (plain,) = (one for one in inner if one is not NoneType)
        return None if value is None else decode_as(plain, value, where)
    if origin is tuple:
        return decode_row(inner, value, where)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise Undecodable(f"{where} must be an object")
        return {key: decode_as(inner[1], one, below(where, key)) for key, one in value.items()}
    return decode_plain(hint, value, where)


def decode_row(inner: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    """A tuple from a list."""
    if not isinstance(value, list):
        raise Undecodable(f"{where} must be a list")
    hints = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
    if len(hints) != len(value):
        raise Undecodable(f"{where} must have {len(hints)} entries, not {len(value)}")
    pairs = enumerate(zip(hints, value, strict=True))
    return tuple(decode_as(hint, one, f"{where}[{at}]") for at, (hint, one) in pairs)


def decode_plain(hint: Any, value: object, where: str) -> object:
    """A text, a truth or a number. A whole number will do as a float; nothing else is converted."""
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise Undecodable(f"{where} must be a finite number")
        return float(value)
    if type(value) is not hint:
        raise Undecodable(f"{where} must be {NAMES.get(hint, hint)}, not {value!r}")
    return value


def below(where: str, name: object) -> str:
    """The path of a field."""
    return f"{where}.{name}" if where else str(name)


NAMES = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}

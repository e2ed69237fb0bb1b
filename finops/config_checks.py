"""What can be wrong with a setting, said in one line each; finops.config does the reading."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

PREFIX = "FINOPS_"
FILE_SUFFIX = "_FILE"
# These steer the tests, not the product.
FOREIGN = ("FINOPS_TEST_", "FINOPS_REQUIRE_SERVICES")

Url = TypeVar("Url", str, SecretStr)


def url_of(*schemes: str) -> Callable[[Url], Url]:
    """Return a check for pydantic: a URL with one of these schemes, a host and a right port.

    A sqlite URL has an absolute path in place of a host; an empty text means that none is set.
    """

    def check(value: Url) -> Url:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not text:
            return value
        url = urlsplit(text)  # raises ValueError for a broken address, as .port does
        place = url.path.strip("/") if url.scheme == "sqlite" else url.hostname
        if url.scheme not in schemes or not place or url.port == 0:
            raise ValueError("not such a URL")
        return value

    return check


def variable(field: str) -> str:
    return PREFIX + field.upper()


def unknown_names(
    environment: Mapping[str, str], fields: Collection[str], secrets: Collection[str]
) -> list[str]:
    """One line for each FINOPS_* variable that nothing reads, with the nearest name."""
    known = {variable(field) for field in fields}
    known |= {variable(field) + FILE_SUFFIX for field in secrets}
    lines = []
    for name in sorted(environment):
        upper = name.upper()
        if upper.startswith(PREFIX) and not upper.startswith(FOREIGN) and upper not in known:
            near = get_close_matches(upper, sorted(known), n=1, cutoff=0.0)[0]
            lines.append(f"{name}: no such setting; the nearest name is {near}.")
    return lines


def secrets_from_files(
    environment: Mapping[str, str], secrets: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """Read the secrets given as FINOPS_<NAME>_FILE; returns values by field, and what is wrong."""
    values: dict[str, str] = {}
    wrong = []
    for field in secrets:
        name = variable(field) + FILE_SUFFIX
        path = environment.get(name, "")
        if not path:
            continue
        if environment.get(variable(field)):
            wrong.append(f"{name}={path!r}: {variable(field)} is set too; keep one of them.")
            continue
        try:
            values[field] = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            wrong.append(f"{name}={path!r} can't be read ({reason}); name a file with the value.")
        else:
            if not values[field]:
                wrong.append(f"{name}={path!r} is empty; name a file with the value.")
    return values, wrong


def explain(
    error: ValidationError, fields: Mapping[str, FieldInfo], secrets: Collection[str]
) -> list[str]:
    """One line for each wrong setting: the variable, the value and what is allowed.

    The value of a secret is hidden; what is allowed is the field's description.
    """
    lines = []
    for item in error.errors():
        field = str(item["loc"][0])
        value = "(hidden)" if field in secrets else repr(item["input"])
        allowed = fields[field].description
        lines.append(f"{variable(field)}={value} can't be used; allowed: {allowed}.")
    return lines

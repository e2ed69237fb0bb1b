"""`manage.py demo`: what it refuses before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trace": Path("trace.csv")}, "--trace and --format belong together"),
        ({"format": "azure"}, "--trace and --format belong together"),
        ({"calls": 0}, "--calls must be from 1 to 1000000"),
        ({"trace": Path("absent.csv"), "format": "azure"}, "absent.csv: can't be read as a trace"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("demo", **options)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)

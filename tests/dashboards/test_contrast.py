"""Text has 4.5:1 and marks have 3:1 against what they stand on, in both themes (WCAG 2.2)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dashboards

CSS = Path(dashboards.__file__).parent / "static/dashboards/css"
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
TOKENS = {
    name: (light, dark)
    for file in ("tokens.css", "overview.css")
    for name, light, dark in PAIR.findall((CSS / file).read_text())
}
TEXTS = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("paper", "surface")),
    *((ink, ground) for ink in ("ink", "ink-2") for ground in ("sunken", "raised")),
    ("ink-3", "sunken"),
    ("ink-3", "raised"),
    *(
        (tone, ground)
        for tone in ("accent", "good", "bad", "warn")
        for ground in ("paper", "surface")
    ),
    *((tone, f"{tone}-soft") for tone in ("accent", "good", "bad", "warn", "info")),
    ("accent-ink", "accent"),
    *(
        (ink, f"{tone}-soft")
        for ink in ("ink", "ink-2")
        for tone in ("info", "warn", "bad", "accent")
    ),
]
MARKS = [
    *((f"series-{i}", "surface") for i in range(1, 9)),
    ("line-strong", "surface"),
    ("focus", "paper"),
    ("focus", "surface"),
]


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXTS)
def test_text_can_be_read(ink: str, ground: str, theme: int) -> None:
    assert contrast(TOKENS[ink][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_marks_can_be_seen(mark: str, ground: str, theme: int) -> None:
    assert contrast(TOKENS[mark][theme], TOKENS[ground][theme]) >= 3

"""How a play shows itself on a terminal and in a log."""

from __future__ import annotations

import io

from rich.console import Console

from finops.demo.progress import Bar, Lines


def test_a_log_gets_a_line_for_each_change_and_none_for_standstill() -> None:
    said: list[str] = []
    with Lines(said.append, 10) as lines:
        lines.sent(4)
        lines.sent(7)  # more than was estimated
        for calls in (0, 7, 7, 11):
            lines.charged(calls, 11)
    assert said == [
        "played 4 of about 10 requests",
        "played 11 requests",
        "charged 0 of 11 calls",
        "charged 7 of 11 calls",
        "charged 11 of 11 calls",
    ]


def test_a_terminal_gets_two_bars_that_end_full() -> None:
    screen = io.StringIO()
    with Bar(Console(file=screen, force_terminal=True, width=80), 10) as bar:
        bar.sent(4)
        bar.sent(7)  # more than was estimated
        bar.charged(11, 12)
        bar.charged(12, 12)
    last = screen.getvalue()
    assert "11/11" in last
    assert "12/12" in last

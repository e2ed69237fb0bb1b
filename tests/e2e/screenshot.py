"""`python -m tests.e2e.screenshot`: draw docs/img/overview.png anew, from the whole demo."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.e2e.browser import chromium, watched_page
from tests.e2e.stack import ROOT, running_stack
from tests.services import chromium_path

TARGET = ROOT / "docs" / "img" / "overview.png"


def main() -> int:
    """Start a product of its own, play the demo, photograph the Overview in both themes."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), demo="1") as stack:
        stack.wait(lambda: "charged after" in stack.said(), "the demo", 300)
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        with chromium(chromium_path()) as browser:
            for theme, target in (
                ("light", TARGET),
                ("dark", TARGET.with_stem("overview-dark")),
            ):
                with watched_page(browser, stack.url, theme) as watched:  # type: ignore[arg-type]
                    watched.log_in(*stack.login())
                    watched.page.locator("[data-chart].drawn").first.wait_for()
                    watched.page.screenshot(path=target)
                    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A real browser on the product, that keeps account of all that it must not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    StorageState,
    expect,
    sync_playwright,
)

Theme = Literal["light", "dark"]
# What a loaded machine needs for a page; how fast pages are is measured elsewhere.
PATIENCE_MS = 30_000
LOCAL_SCHEMES = ("data:", "blob:")

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Watched:
    """A page, and what went wrong on it: console errors, failed and foreign requests."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Listen from now on."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self.on_console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        self.page.on("request", self.on_request)
        self.page.on("response", self.on_response)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console {message.type}: {message.text}")

    def on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", *LOCAL_SCHEMES)):
            self.wrong.append(f"request that leaves the product: {request.url}")

    def on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"HTTP {response.status}: {response.url}")

    def goto(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}", wait_until="networkidle")

    def log_in(self, email: str, password: str) -> None:
        """Come as a stranger and be led to the login."""
        self.goto("/")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", name="Overview")).to_be_visible()


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """The system's browser, without a window."""
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, which tests in a container are.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched_page(
    browser: Browser,
    url: str,
    theme: Theme = "light",
    size: tuple[int, int] = (1440, 960),
    session: StorageState | None = None,
) -> Iterator[Watched]:
    """A page that remembers nothing but the session that it is given."""
    context = browser.new_context(
        color_scheme=theme,
        viewport={"width": size[0], "height": size[1]},
        reduced_motion="reduce",
        storage_state=session,
    )
    try:
        watched = Watched(context.new_page(), url)
        watched.watch()
        yield watched
    finally:
        context.close()

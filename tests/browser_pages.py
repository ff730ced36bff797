"""A page in a real browser: that of the fixture `browser`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page


class Opened:
    """A page opened from a file, with every request and every error it made."""

    def __init__(self, browser: Browser, path: Path, content: str, scheme: str = "light") -> None:
        path.write_text(content, "utf-8")
        self.url = path.as_uri()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page: Page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("dialog", lambda dialog: self.errors.append(dialog.message))
        self.page.goto(self.url)

    def close(self) -> None:
        """Whatever was done with it, the page asked for nothing but itself and made no error."""
        self.page.close()
        assert self.requests == [self.url]
        assert self.errors == []

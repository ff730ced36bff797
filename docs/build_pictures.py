"""Take the pictures of the page in `docs/pictures`: each tab, light and dark.

    python docs/build_pictures.py [TAB ...]

What is seen was really asked of the embedded model, in a home folder made for it. Needs Chromium
(`apt-get install chromium`) and the extra `dev`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import ui_server
import web_sites
from pellucid import settings
from pellucid.engine import process
from web_server import serving

PICTURES = Path(__file__).with_name("pictures")
CHROMIUM = "/usr/bin/chromium"
SIZE: Any = {"width": 1280, "height": 800}
LARGEST = 150_000
"""Bytes of a picture."""
PATIENCE = 240_000
"""Milliseconds for a reply."""


def ask(page: Page, field: str, words: str) -> None:
    box = page.locator(f"{field} textarea")
    box.fill(words)
    box.press("Enter")


def ended(page: Page) -> None:
    """Wait until the tab that is seen has begun, and has nothing left to stop."""
    buttons = "[...document.querySelectorAll('button')].filter((b) => b.innerText === 'Stop')"
    stops = f"{buttons}.filter((b) => b.offsetParent)"
    page.wait_for_function(f"{stops}.some((b) => !b.disabled)", timeout=PATIENCE)
    page.wait_for_function(f"{stops}.every((b) => b.disabled)", timeout=PATIENCE)


def chat(page: Page) -> None:
    for words in ("Hi, my name is Ed.", "What is my name?"):
        turns = page.locator("#glass h2").inner_text()
        ask(page, "#words", words)
        page.wait_for_function(
            "(before) => document.querySelector('#glass h2').innerText !== before",
            arg=turns,
            timeout=PATIENCE,
        )
    page.click("#panel-prompt")
    page.locator("#panel[aria-labelledby=panel-prompt]").wait_for()


def tokens(page: Page) -> None:
    page.locator("#tokens-result .flow").first.wait_for()


def templates(page: Page) -> None:
    page.locator("#templates-result .flow").first.wait_for()


def compare(page: Page) -> None:
    page.get_by_role("button", name="Compare", exact=True).click()
    ended(page)


def duel(page: Page) -> None:
    page.locator("#duel-opening textarea").fill("Tea is better than coffee.")
    page.get_by_role("button", name="Start", exact=True).click()
    ended(page)


def web(page: Page) -> None:
    site = next(iter(web_sites.load().values()))
    page.get_by_text("Brochure", exact=True).click()
    with serving(site.pages()) as server:
        page.locator("#web-url textarea").fill(server.url("/"))
        page.locator("#web-company textarea").fill(site.name)
        page.locator("#web-allow textarea").fill(server.host)
        page.get_by_role("button", name="Make it", exact=True).click()
        ended(page)


def assistants(page: Page) -> None:
    ask(page, "#assistants-words", "How much is a ticket to London?")
    ended(page)
    ask(page, "#assistants-words", "Book it.")
    page.locator("#assistants-approval").wait_for(timeout=PATIENCE)


def receipts(page: Page) -> None:
    page.locator("#receipts-list label").first.click()
    page.wait_for_timeout(800)


def models(page: Page) -> None:
    page.locator("#models-result table").first.wait_for()


def tour(page: Page) -> None:
    page.locator("#tour-8 table").wait_for()
    page.get_by_role("button", name="Ask for the first token").click()
    page.locator("#tour-6 .chances").wait_for(timeout=PATIENCE)
    page.locator("#tour-6 .chances tr").last.scroll_into_view_if_needed()


TABS: dict[str, Callable[[Page], None]] = {
    "Chat": chat,
    "Tokens": tokens,
    "Templates": templates,
    "Compare": compare,
    "Duel": duel,
    "Web": web,
    "Assistants": assistants,
    "Receipts": receipts,
    "Models": models,
    "Tour": tour,
}


def prepare(home: Path) -> None:
    """A home of its own but for the weights."""
    cache = home / "cache" / "pellucid"
    cache.mkdir(parents=True)
    (cache / "weights").symlink_to(settings.Folders.of().weights)
    for name in ("config", "data", "cache", "state"):
        os.environ[f"XDG_{name.upper()}_HOME"] = str(home / name)


def save(page: Page, name: str) -> None:
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes; {LARGEST:,} are allowed.")


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or list(TABS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        prepare(Path(folder))
        with ui_server.served(Path(folder)) as (address, desk):
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
            )
            for tab in wanted:
                take(browser, address, tab)
                print(tab, flush=True)
            browser.close()
            for engine in process.running(desk.folders):
                process.stop(engine)


def take(browser: Browser, address: str, tab: str) -> None:
    """The pictures of one tab."""
    page = browser.new_page(viewport=SIZE)
    page.set_default_timeout(60_000)
    page.goto(address)
    page.get_by_role("tab", name=tab, exact=True).click()
    TABS[tab](page)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.evaluate("(on) => document.body.classList.toggle('dark', on)", scheme == "dark")
        page.wait_for_timeout(400)
        save(page, f"{tab.lower()}-{scheme}")
    page.close()


if __name__ == "__main__":
    main()

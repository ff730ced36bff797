"""The token lab's pages in a real browser. Needs Debian's chromium: `apt-get install chromium`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import pellucid
from browser_pages import Opened
from pellucid.views.html.tokens import comparison_page, encoding_page

pytestmark = pytest.mark.browser

TEXT = (
    "Hello, how are you? Привет, как дела? <|endoftext|> <script>document.title='owned'</script>"
    "<img src=http://127.0.0.1:9/leak> \u202e 🦙" + "x" * 200
)
RUNS_OVER = """() => [...document.querySelectorAll("section *")].filter((element) =>
    element.getBoundingClientRect().right >
        element.closest("section").getBoundingClientRect().right).map((element) => element.tagName)
"""


def one() -> str:
    tokenizer = pellucid.tokenizer("gpt-4o")
    other = tokenizer.encode(TEXT, specials=True)
    return encoding_page(tokenizer, tokenizer.encode(TEXT), other, specials=False)


def several() -> str:
    rows = {
        f"{name}-with-a-long-name": pellucid.tokenizer(name).encode(TEXT)
        for name in ("gpt-4o", "gpt-4")
    }
    return comparison_page(rows, dict.fromkeys(rows, 200_000))


@pytest.mark.parametrize("page", [one, several])
def test_a_page_fits_a_phone_and_asks_for_nothing(
    browser: Browser, tmp_path: Path, page: Callable[[], str]
) -> None:
    opened = Opened(browser, tmp_path / "tokens.html", page())
    flow = opened.page.locator(".flow").first
    assert "<script>document.title='owned'</script>" in flow.inner_text()
    assert opened.page.locator("script, img, iframe").count() == 0
    assert opened.page.title().startswith(("o200k_base", "Pellucid"))
    for width in (340, 1000):
        opened.page.set_viewport_size({"width": width, "height": 800})
        assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= width
        assert opened.page.evaluate(RUNS_OVER) == []
    opened.close()


def test_a_token_tells_its_id_and_the_other_reading_is_shown(
    browser: Browser, tmp_path: Path
) -> None:
    opened = Opened(browser, tmp_path / "tokens.html", one())
    heads = opened.page.locator("h2").all_inner_texts()
    assert heads[-3:] == ["Three ages", "Text a token holds", "Ids"]
    title = opened.page.locator(".flow i").first.get_attribute("title")
    assert title == "Hello\nid 13225\nbytes 48 65 6C 6C 6F\ncharacters 0 to 5"
    assert opened.page.locator(".flow").nth(1).locator("i.k").inner_text() == "<|endoftext|>"
    opened.close()

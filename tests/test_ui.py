"""The page in a real browser: the conversation on its left side."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from playwright.sync_api import Browser, BrowserContext, Page, expect

from pellucid.messages import Request
from pellucid.models.scripted import Scripted
from pellucid.prompt.values import Prompt
from pellucid.replies import Event
from pellucid.ui.desk import Desk
from ui_server import served

expect.set_options(timeout=20_000)
HOSTILE = """<script>document.title = 'taken'</script>
<img src=x onerror="document.title='taken'"> ![p](http://pictures.example/p.png)
[link](javascript:document.title='taken') <style>body{display:none}</style>
<button data-pellucid="new" data-value="null">press</button>
$\\href{javascript:document.title='taken'}{x}$ \\(\\text{<script>document.title='taken'</script>}\\)

```html
<script>document.title='taken'</script>
```

| a | b |
|---|---|
| 1 | \\(\\frac{1}{2}\\) |
"""

INTRUDE = """(address) => {
    const box = document.querySelector('.reply');
    box.insertAdjacentHTML('beforeend', '<img src="/none.png" onerror="document.title=1">');
    const script = document.createElement('script');
    script.textContent = 'document.title = 2';
    document.body.append(script);
    new Image().src = address;
}"""


class Recalls(Scripted):
    """Knows a name if it stands in what it is sent; says other things when asked to."""

    def __init__(self) -> None:
        super().__init__([], name="recalls")
        self.asked = 0

    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        self.asked += 1
        words = [m.text for m in request.messages if m.role == "user"]
        newest = words[-1]
        name = re.search(r"[Mm]y name is (\w+)", " ".join(words))
        self._delay = 0.05 if "slowly" in newest else 0.0
        if "hostile" in newest:
            answer = HOSTILE
        elif "slowly" in newest:
            answer = "one two three " * 100
        elif "What is my name" in newest:
            answer = f"Your name is {name[1]}." if name else "I do not know your name."
        else:
            files = sum(len(m.parts) - 1 for m in request.messages)
            answer = f"Answer {self.asked} to: {newest}" + (f" ({files} files)" if files else "")
        self._replies = [answer]
        return super().stream(request, prompt)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Desk]]:
    with served(tmp_path_factory.mktemp("site"), {"recalls": Recalls()}) as (address, desk):
        yield address, desk


class Tab:
    """A tab of a browser with the page in it; whatever is done, it asks no other host."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.address = address
        self.page.goto(address)
        self.page.wait_for_selector("[data-conversation]")

    @property
    def turns(self) -> Any:
        return self.page.locator("article[data-turn]")

    @property
    def id(self) -> str:
        return str(self.page.locator("[data-conversation]").get_attribute("data-conversation"))

    def write(self, words: str) -> None:
        self.page.fill("#words textarea", words)
        self.page.press("#words textarea", "Enter")

    def say(self, words: str) -> str:
        """Say it and wait for the whole reply."""
        before = self.turns.count()
        self.write(words)
        expect(self.turns).to_have_count(before + 1)
        self.settled()
        return self.reply(before)

    def settled(self) -> None:
        expect(self.page.locator(".turn.live")).to_have_count(0)

    def reply(self, number: int) -> str:
        return str(self.turns.nth(number).locator(".reply").first.text_content()).strip()

    def press(self, action: str, number: int = -1) -> None:
        turn = self.turns.nth(number if number >= 0 else self.turns.count() + number)
        turn.hover()
        turn.locator(f"[data-pellucid={action}]").first.click()

    def close(self) -> None:
        self.page.close()
        foreign = [
            url
            for url in self.requests
            if not url.startswith((self.address, "data:", "blob:", "about:"))
        ]
        assert foreign == []
        assert self.errors == []


@pytest.fixture
def tab(browser: Browser, site: tuple[str, Desk]) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = Tab(context, site[0])
    yield opened
    opened.close()
    context.close()


def test_the_name_is_known_from_the_history_alone(tab: Tab) -> None:
    tab.say("Hello, my name is Stephen.")
    assert tab.say("What is my name?") == "Your name is Stephen."
    tab.press("alone", 1)
    both = tab.turns.nth(1).locator(".beside .reply")
    expect(both).to_have_count(2)
    assert both.all_inner_texts() == ["Your name is Stephen.", "I do not know your name."]
    tab.page.reload()  # it stays beside it, and is not the way on
    expect(both).to_have_count(2)
    assert tab.say("What is my name now?") == "Your name is Stephen."


def test_the_switch_asks_twice(tab: Tab) -> None:
    tab.say("Hello, my name is Ada.")
    tab.page.check("#also input")
    tab.say("What is my name?")
    expect(tab.page.locator(".beside .reply")).to_have_text(
        ["Your name is Ada.", "I do not know your name."]
    )


def test_retry_edit_undo_and_branches(tab: Tab, site: tuple[str, Desk]) -> None:
    first = tab.say("Say something.")
    tab.say("And more.")
    tab.press("retry", 1)
    expect(tab.turns.nth(1).locator(".pager")).to_contain_text("2/2")
    again = tab.reply(1)
    tab.press("go", 1)
    expect(tab.turns.nth(1).locator(".pager")).to_contain_text("1/2")
    assert tab.reply(1) != again
    tab.press("edit", 0)
    editor = tab.turns.nth(0).locator("textarea")
    expect(editor).to_have_value("Say something.")
    expect(editor).to_be_focused()
    editor.fill("Say another thing.")
    editor.press("Control+Enter")
    expect(tab.turns).to_have_count(1)
    tab.settled()
    assert "Say another thing." in tab.reply(0)
    tab.press("go", 0)  # the other version, with all that followed it
    expect(tab.turns).to_have_count(2)
    assert tab.reply(0) == first
    tab.press("undo", 1)
    expect(tab.turns).to_have_count(1)
    expect(tab.page.locator("#words textarea")).to_have_value("And more.")
    kept = site[1].conversation(tab.id)
    assert len(kept) == 4  # nothing was lost


def test_a_branch_goes_on_from_an_earlier_turn(tab: Tab) -> None:
    tab.say("My name is Grace.")
    tab.say("Something else.")
    tab.press("fork", 0)
    expect(tab.turns).to_have_count(1)
    assert tab.say("What is my name?") == "Your name is Grace."
    expect(tab.turns.nth(1).locator(".pager")).to_contain_text("2/2")


def test_stop_keeps_what_came(tab: Tab, site: tuple[str, Desk]) -> None:
    tab.write("Count slowly.")
    live = tab.page.locator(".turn.live")
    expect(live.locator(".reply")).to_contain_text("three")
    expect(tab.page.locator("#status")).to_contain_text("writing")
    live.locator("[data-pellucid=stop]").click()
    expect(tab.turns).to_have_count(1)
    expect(tab.turns.first).to_contain_text("stopped here")
    assert "three" in tab.reply(0)
    assert site[1].conversation(tab.id)[0].reply.finish == "cut"


def test_a_reload_keeps_the_conversation(tab: Tab) -> None:
    tab.say("My name is Edsger.")
    id = tab.id
    tab.page.reload()
    expect(tab.turns).to_have_count(1)
    assert tab.id == id
    assert tab.say("What is my name?") == "Your name is Edsger."
    kept = tab.page.evaluate("() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
    assert kept == [kept[0], json.dumps({"pellucid-conversation": id}, separators=(",", ":"))]
    assert "Edsger" not in kept[0]


def test_five_tabs_do_not_mix(browser: Browser, site: tuple[str, Desk], full: bool) -> None:
    context = browser.new_context()
    tabs = [Tab(context, site[0]) for _ in range(5 if full else 2)]
    names = ["Ada", "Grace", "Edsger", "Barbara", "Alan"][: len(tabs)]
    for tab, name in zip(tabs, names, strict=True):
        tab.write(f"My name is {name}.")  # none waits for another's
    for tab, name in zip(tabs, names, strict=True):
        expect(tab.turns).to_have_count(1)
        tab.settled()
        assert tab.say("What is my name?") == f"Your name is {name}."
        assert not [n for n in names if n != name and n in tab.page.inner_text("#scroll")]
    assert len({tab.id for tab in tabs}) == len(tabs)
    for tab in tabs:
        tab.close()
    context.close()


def test_what_a_model_writes_does_nothing(tab: Tab) -> None:
    title = tab.page.title()
    tab.say("Be hostile.")
    reply = tab.turns.first.locator(".reply")
    assert reply.locator("script, img, style, iframe, [onerror], [data-pellucid=new]").count() == 0
    assert reply.locator("math").count() == 3
    assert reply.locator("table td").count() == 2
    assert reply.locator("a").get_attribute("href") == "http://pictures.example/p.png"
    assert reply.locator(".code pre").inner_text().startswith("<script>")
    # And were something of it in the page, it could do nothing: nobody dials this listener.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        tab.page.evaluate(INTRUDE, f"http://127.0.0.1:{listener.getsockname()[1]}/p.png")
        time.sleep(0.3)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert tab.page.title() == title
    tab.requests.clear()  # the browser tells of those it refused, too


def test_kept_conversations_are_listed_searched_exported_and_imported(
    tab: Tab, tmp_path: Path
) -> None:
    word = "xylophone"
    tab.say(f"Something about a {word}.")
    first = tab.id
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("l")
    with tab.page.expect_download() as download:
        tab.page.click("a.export[data-kind=json]")
    saved = tmp_path / "conversation.json"
    download.value.save_as(saved)
    assert [m["role"] for m in json.loads(saved.read_text())] == ["user", "assistant"]
    tab.page.click("[data-pellucid=new]")
    expect(tab.turns).to_have_count(0)
    assert tab.id != first
    tab.page.keyboard.press("l")
    tab.page.fill("#search textarea, #search input", word)
    row = tab.page.locator(".shelf button")
    expect(row).to_have_count(1)
    row.click()
    expect(tab.turns).to_have_count(1)
    assert tab.id == first
    tab.page.keyboard.press("l")
    saved.write_text(
        json.dumps(
            [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "My name is Donald."},
                {"role": "assistant", "content": "Hello Donald."},
            ]
        )
    )
    with tab.page.expect_file_chooser() as chooser:
        tab.page.click("#import")
    chooser.value.set_files(saved)
    expect(tab.page.locator(".imported")).to_have_count(2)
    expect(tab.page.locator("#system textarea")).to_have_value("Be brief.")
    assert tab.say("What is my name?") == "Your name is Donald."
    expect(tab.page.locator(".imported")).to_have_count(2)


def test_files_go_along(tab: Tab, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The answer is 42.")
    tab.page.set_input_files("#words input[type=file]", note)
    tab.page.wait_for_selector("#words .thumbnail-item, #words .thumbnails")
    assert "(1 files)" in tab.say("Read this.")
    expect(tab.turns.first.locator(".attached")).to_have_text("note.txt")


def test_settings_are_sent_and_wrong_ones_explained(tab: Tab, site: tuple[str, Desk]) -> None:
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("s")
    tab.page.fill("#system textarea", "You are terse.")
    tab.page.fill("#option-temperature textarea, #option-temperature input", "0.25")
    tab.say("Hello.")
    request = site[1].conversation(tab.id)[0].request
    assert request.messages[0].text == "You are terse."
    assert request.options.temperature == 0.25
    tab.page.fill("#option-temperature textarea, #option-temperature input", "warm")
    tab.write("Hello again.")
    expect(tab.page.locator(".toast-wrap")).to_contain_text("temperature is 'warm'")
    expect(tab.page.locator("#words textarea")).to_have_value("Hello again.")


def test_everything_by_keyboard(tab: Tab) -> None:
    tab.say("My name is Kay.")
    tab.say("Something else.")
    page = tab.page
    page.keyboard.press("Escape")  # leaves the box
    page.keyboard.press("k")
    expect(page.locator("#glass h2")).to_have_text("Turn 1")
    page.keyboard.press("j")
    expect(page.locator("#glass h2")).to_have_text("Turn 2")
    page.keyboard.press("2")
    expect(page.locator("#glass [role=tab]").nth(1)).to_have_attribute("aria-selected", "true")
    page.locator("#glass [role=tab]").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#glass [role=tab]").nth(0)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#glass [role=tab]").nth(0)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("i")
    expect(page.locator("#words textarea")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, site: tuple[str, Desk], scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    tab = Tab(context, site[0])
    tab.say("Be hostile.")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("s")
    found = Axe().run(tab.page).response["violations"]
    serious = [
        (v["id"], [n["target"] for n in v["nodes"]][:4])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []
    tab.close()
    context.close()


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, site: tuple[str, Desk]) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = Tab(context, site[0])
    tab.say("Be hostile.")
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert tab.page.locator("#glass h2").inner_text() == "Turn 1"
    tab.close()
    context.close()

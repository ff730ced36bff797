"""The page in a real browser: the conversation on its left side."""

from __future__ import annotations

import json
import re
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from playwright.sync_api import Browser, BrowserContext, Page, expect

import hosted_models
import sample_receipts as samples
from host_server import Host, host, says
from pellucid import Chat
from pellucid.messages import Request
from pellucid.models.base import Model
from pellucid.models.names import open_model
from pellucid.models.scripted import Scripted
from pellucid.prompt.values import Prompt
from pellucid.replies import Event
from pellucid.ui.desk import Desk
from pellucid.ui.session import SHOWN
from ui_server import serious, served

expect.set_options(timeout=20_000)
LAPTOP: Any = {"width": 1280, "height": 800}
PHONE: Any = {"width": 390, "height": 844}
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


PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
STOPS = """() => {
    const stops = [...document.querySelectorAll(
        "button, a[href], input, textarea, summary, [tabindex='0']")]
        .filter((stop) => stop.checkVisibility() && stop.tabIndex >= 0 && !stop.disabled);
    const seen = window.reached ??= new Set();
    seen.add(document.activeElement);
    return stops.filter((stop) => !seen.has(stop)).map((stop) => stop.outerHTML.slice(0, 90));
}"""
"""What the Tab key has not reached yet, of what is seen."""
DROP = """(data) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "dot.png", {type: "image/png"}));
    for (const kind of ["dragover", "drop"]) {
        const event = new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer});
        document.querySelector("#scroll").dispatchEvent(event);
    }
}"""


def choose_model(page: Page, name: str) -> None:
    page.fill("#model input", name)
    page.keyboard.press("Enter")
    expect(page.locator("#model input")).to_have_value(name)


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
def hosts() -> Iterator[Host]:
    with host(says("openai")) as server:
        yield server


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, hosts: Host, smol: Path
) -> Iterator[tuple[str, Desk]]:
    given: dict[str, Model] = {
        "recalls": Recalls(),
        "sees": hosted_models.model(hosts.base, name="gpt-4.1-mini"),
        "blind": hosted_models.model(hosts.base, name="deepseek-chat"),
        "local": open_model(str(smol)),
    }
    with served(tmp_path_factory.mktemp("site"), given) as (address, desk):
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


@pytest.fixture(scope="module")
def opened(browser: Browser, site: tuple[str, Desk]) -> Iterator[Tab]:
    """One page for all: to open it takes longer than most of what is done on it."""
    context = browser.new_context(viewport=LAPTOP)
    tab = Tab(context, site[0])
    yield tab
    tab.close()
    context.close()


@pytest.fixture
def tab(opened: Tab) -> Tab:
    """The page with a conversation that nothing was said in."""
    before = opened.id
    opened.page.keyboard.press("Escape")
    opened.page.click("[data-pellucid=new]")
    expect(opened.page.locator(f"[data-conversation='{before}']")).to_have_count(0)
    return opened


def test_the_name_is_known_from_the_history_alone(tab: Tab) -> None:
    tab.say("Hello, my name is Stephen.")
    assert tab.say("What is my name?") == "Your name is Stephen."
    tab.press("alone", 1)
    both = tab.turns.nth(1).locator(".beside .reply")
    expect(both).to_have_count(2)
    assert both.all_inner_texts() == ["Your name is Stephen.", "I do not know your name."]
    assert tab.say("What is my name now?") == "Your name is Stephen."  # it is not the way on


def test_the_switch_asks_twice(tab: Tab) -> None:
    tab.say("Hello, my name is Ada.")
    tab.page.check("#also input")
    tab.say("What is my name?")
    expect(tab.page.locator(".beside .reply")).to_have_text(
        ["Your name is Ada.", "I do not know your name."]
    )
    tab.page.uncheck("#also input")


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
    tab.say("What is my name?")
    tab.press("alone", 1)
    both = tab.turns.nth(1).locator(".beside .reply")
    expect(both).to_have_count(2)
    id = tab.id
    tab.page.reload()
    expect(tab.turns).to_have_count(2)
    expect(both).to_have_count(2)
    assert tab.id == id
    assert tab.say("What is my name now?") == "Your name is Edsger."
    kept = tab.page.evaluate("() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
    assert kept == [kept[0], json.dumps({"pellucid-conversation": id}, separators=(",", ":"))]
    assert "Edsger" not in kept[0]


def test_tabs_and_users_do_not_mix(
    tab: Tab, browser: Browser, site: tuple[str, Desk], full: bool
) -> None:
    others = [browser.new_context() for _ in range(4 if full else 1)]
    tabs = [tab, *(Tab(context, site[0]) for context in others)]
    if full:  # two in one window
        tabs.append(Tab(others[0], site[0]))
    names = ["Ada", "Grace", "Edsger", "Barbara", "Alan", "Kay"][: len(tabs)]
    for each, name in zip(tabs, names, strict=True):
        each.write(f"My name is {name}.")  # none waits for another's
    for each, name in zip(tabs, names, strict=True):
        expect(each.turns).to_have_count(1)
        each.settled()
        assert each.say("What is my name?") == f"Your name is {name}."
        assert not [n for n in names if n != name and n in each.page.inner_text("#scroll")]
    assert len({each.id for each in tabs}) == len(tabs)
    for each in tabs[1:]:
        each.close()
    for context in others:
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
    tab.page.click(".toast-close")
    for field in ("#words", "#system", "#option-temperature"):
        tab.page.fill(f"{field} textarea, {field} input[type=text]", "")


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


def test_axe_finds_nothing_serious_in_either_theme(tab: Tab) -> None:
    tab.say("Be hostile.")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("s")
    assert serious(tab.page) == []
    tab.page.keyboard.press("s")


def test_a_phone_needs_no_sideways_scrolling(tab: Tab) -> None:
    tab.page.set_viewport_size(PHONE)
    tab.say("Be hostile.")
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    assert tab.page.locator("#glass h2").inner_text() == "Turn 1"
    tab.page.set_viewport_size(LAPTOP)


def test_code_is_copied_as_it_was_written(tab: Tab) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.say("Be hostile.")
    button = tab.turns.first.locator("[data-pellucid=copy-code]")
    button.click()
    expect(button).to_have_text("copied")
    code = "<script>document.title='taken'</script>"
    assert tab.page.evaluate("() => navigator.clipboard.readText()").strip() == code
    tab.press("copy", 0)
    expect(tab.turns.first.locator("[data-pellucid=copy]")).to_have_text("copied")
    assert tab.page.evaluate("() => navigator.clipboard.readText()").strip() == HOSTILE.strip()


def test_an_image_goes_to_a_model_that_sees(tab: Tab, hosts: Host) -> None:
    """Dropped beside the box; a model that sees none refuses it before anything is sent."""
    tab.page.evaluate(DROP, b64encode(PNG).decode())
    tab.page.wait_for_selector("#words .thumbnail-item img")
    choose_model(tab.page, "sees")
    assert tab.say("What is this?") == "Hello there, you."
    parts = json.loads(hosts.asked[-1].body)["messages"][-1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert parts[1]["image_url"]["url"].endswith(b64encode(PNG).decode())
    asked = len(hosts.asked)
    for blind, why in (("blind", "deepseek-chat sees none"), ("local", "reads text only")):
        choose_model(tab.page, blind)
        tab.write("And now?")
        expect(tab.page.locator(".turn.live .error")).to_contain_text(why)
        expect(tab.page.locator("#words textarea")).to_have_value("And now?")
    assert len(hosts.asked) == asked
    tab.page.fill("#words textarea", "")


def test_a_long_conversation_shows_its_end_and_folds_the_rest(
    tab: Tab, site: tuple[str, Desk]
) -> None:
    desk = site[1]
    chat = Chat(desk.given["recalls"], store=desk.store)
    for number in range(SHOWN + 7):
        chat.say(f"Message {number}.\n\n" + "And more. " * 40)
    tab.page.evaluate(
        "(id) => sessionStorage.setItem('pellucid-conversation', id)",
        chat.receipts[-1].conversation,
    )
    tab.page.reload()
    expect(tab.turns).to_have_count(SHOWN)
    expect(tab.turns.last).to_contain_text(f"Message {SHOWN + 6}.")
    expect(tab.turns.last.locator("footer")).to_be_in_viewport()
    earlier = tab.page.get_by_text("7 earlier turns", exact=True)
    earlier.scroll_into_view_if_needed()
    seen = tab.turns.first
    id, top = seen.get_attribute("id"), seen.bounding_box()["y"]
    earlier.click()
    expect(tab.turns).to_have_count(SHOWN + 7)
    expect(tab.turns.first).to_contain_text("Message 0.")
    expect(earlier).to_have_count(0)
    tab.page.wait_for_function(
        "([id, y]) => Math.abs(document.getElementById(id).getBoundingClientRect().y - y) < 60",
        arg=[id, top],
    )


def test_a_prompt_of_thirty_thousand_tokens_opens(tab: Tab, site: tuple[str, Desk]) -> None:
    """What is drawn of it is bounded; the rest is folded, and opens."""
    receipt = samples.long(30_000)
    store = site[1].store
    assert receipt.prompt is not None and store is not None
    store.add(receipt)
    page = tab.page
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    page.locator(f".shelf [data-value='\"{receipt.conversation}\"']").click()
    expect(tab.turns).to_have_count(1)
    for key in ("prompt", "tokens"):
        page.click(f"#panel-{key}")
        panel = page.locator(f"#panel[aria-labelledby=panel-{key}]")
        expect(panel).to_contain_text(f"{len(receipt.prompt):,}")
        assert panel.evaluate("(panel) => panel.querySelectorAll('.glass i').length") < 5_000
        folded = panel.locator("details.fold").first
        folded.locator("summary").click()
        expect(folded.locator("pre, i").first).to_be_visible()


def test_the_tab_key_reaches_everything(tab: Tab) -> None:
    tab.say("Be hostile.")
    page = tab.page
    for _ in page.evaluate(STOPS) + ["the browser itself"] * 3:
        page.keyboard.press("Tab")
        page.evaluate(STOPS)
    assert page.evaluate(STOPS) == []

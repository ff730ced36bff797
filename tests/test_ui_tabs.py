"""The tabs beside the conversation, on the real page in a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from playwright.sync_api import Browser, Locator, Page, Response, expect

import ui_server
import web_sites
from pellucid.assistants.database import Database
from pellucid.engine import process
from pellucid.messages import Message, Text, ToolCall
from pellucid.models.scripted import Scripted
from pellucid.models.tokenizers import open_tokenizer
from pellucid.record.receipt import Summary
from pellucid.tokens.encoding import Encoding
from pellucid.tokens.model import ModelTokenizer
from pellucid.ui.tabs import TABS
from pellucid.ui.tabs.receipts import line
from pellucid.ui.tabs.tour import ABOUT
from web_server import serving as site_serving

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)  # other work may keep the machine busy

CHOSEN = ("smollm2-135m", "o200k_base")
"""The vocabularies with which the tab Tokens begins."""
SAMPLE = "Tokens are pieces of text: unbelievable, 12345, naïve!"
TYPE = """(text) => new Promise((done) => {
    const box = document.querySelector("#tokens-text textarea");
    const result = document.querySelector("#tokens-result");
    const words = `${text.length.toLocaleString("en")} characters`;
    const changed = {inside: 0, outside: []};
    const watch = new MutationObserver((records) => {
        for (const { target } of records) {
            if (result.contains(target)) changed.inside += 1;
            else if (!box.closest("#tokens-text").contains(target)) {
                changed.outside.push((target.parentElement ?? target).outerHTML.slice(0, 200));
            }
        }
        if (result.textContent.includes(words)) setTimeout(() => {
            watch.disconnect();
            done({...changed, elements: result.querySelectorAll("*").length});
        }, 300);
    });
    watch.observe(document.body, {childList: true, subtree: true, characterData: true});
    box.value = text;
    box.dispatchEvent(new Event("input", {bubbles: true}));
})"""
"""What changes on the page until a text's tokens are on it, and a little longer."""


@dataclass
class Served:
    """The page on loopback, with models that say what a test wrote."""

    address: str
    folder: Path
    models: dict[str, Scripted] = field(default_factory=dict)

    def script(self, name: str, *replies: str | Message) -> None:
        self.models[name]._replies[:] = list(replies)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, weights_folder: Path, smol: Path
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("home")
    cache = folder / "cache" / "pellucid"
    cache.mkdir(parents=True)
    (cache / "weights").symlink_to(weights_folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("config", "data", "cache", "state"):
            patch.setenv(f"XDG_{name.upper()}_HOME", str(folder / name))
        patch.setenv("HOME", str(folder))
        models = {name: Scripted([], name=name) for name in ("one", "two", "slow")}
        models["slow"]._delay = 0.05
        with ui_server.served(folder, models, "smollm2-135m") as (address, desk):
            yield Served(address, folder, models)
            for engine in process.running(desk.folders):
                process.stop(engine)


@pytest.fixture(scope="module")
def page(served: Served, browser: Browser) -> Iterator[Page]:
    """One page for all: to open it takes longer than most of what is done on it."""
    page = _open(served, browser)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


def _open(served: Served, browser: Browser, scheme: str = "light") -> Page:
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(60_000)
    page.goto(served.address)
    return page


def go(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()


def choose(page: Page, box: str, *names: str) -> None:
    """Choose in a list of several, or of one."""
    field = page.locator(f"{box} input")
    for name in names:
        field.click()
        field.fill(name)
        field.press("Enter")
    field.press("Tab")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).locator("visible=true").click()


def test_tokens_of_two_vocabularies_are_those_of_the_library(served: Served, page: Page) -> None:
    go(page, "Tokens")
    expect(page.locator("#tokens-result section")).to_have_count(2)
    page.wait_for_timeout(500)
    page.locator("#tokens-text textarea").fill(SAMPLE)
    for name in CHOSEN:
        encoding = open_tokenizer(name).encode(SAMPLE)
        section = page.locator("#tokens-result section").filter(has_text=name)
        expect(section).to_contain_text(f"{len(encoding)} tokens · {len(SAMPLE)} characters")
        expect(section.locator(".flow i")).to_have_count(len(encoding))
    page.locator("#tokens-ids textarea").fill(str([*open_tokenizer("o200k_base").plain.ids("Hé!")]))
    expect(page.locator("#tokens-decoded")).to_contain_text("Hé!")
    page.locator("#tokens-ids textarea").fill("1, two")
    expect(page.locator("#tokens-decoded")).to_contain_text("whole numbers from 0, not 'two'")


def test_a_key_in_two_thousand_characters_is_little_work(
    served: Served, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request, one encoding for each vocabulary, a few changes of one place: what a machine
    makes of these in milliseconds is in the benchmarks."""
    go(page, "Tokens")
    page.locator("#tokens-result section").first.wait_for()
    text = ("What is typed is seen at once, and says how many it is. " * 40)[:2000]
    encoded: list[str] = []
    encode = ModelTokenizer.encode

    def counted(self: ModelTokenizer, text: str, **how: Any) -> Encoding:
        encoded.append(self.name)
        return encode(self, text, **how)

    monkeypatch.setattr(ModelTokenizer, "encode", counted)
    replies: list[Response] = []

    def came(reply: Response) -> None:
        replies.append(reply)

    assert page.evaluate(TYPE, text[:-1])["outside"] == []
    encoded.clear()
    page.on("response", came)
    changed = page.evaluate(TYPE, text)
    page.remove_listener("response", came)
    assert len(encoded) == len(set(encoded)) == len(CHOSEN)
    (reply,) = replies
    tokens = sum(len(open_tokenizer(name).encode(text)) for name in CHOSEN)
    assert len(reply.body()) < 150 * tokens
    assert changed["outside"] == [] and changed["inside"] < 50  # not all that it shows
    assert changed["elements"] < 1.5 * tokens
    page.evaluate(TYPE, SAMPLE)  # so that what comes after has less of a page to look at


def test_axe_finds_nothing_serious_in_any_tab(served: Served, page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for tab, _ in TABS:
        go(page, tab)
        page.locator(".pane:visible").first.wait_for()
    page.wait_for_timeout(500)
    every = page.add_style_tag(content=".tabitem { display: block !important }")  # at once
    expect(page.locator(".bench:visible, .step:visible")).to_have_count(len(TABS) - 1 + len(ABOUT))
    found = ui_server.serious(page, ".bench, .step")
    every.evaluate("(style) => style.remove()")
    assert found == []
    assert all(url.startswith(served.address) for url in requests)


def test_a_template_is_linted_and_laid_beside_another(served: Served, page: Page) -> None:
    go(page, "Templates")
    result = page.locator("#templates-result")
    expect(result.locator(".who", has_text="system 0")).to_be_visible()
    view = page.locator("#tab-templates").get_by_text
    view("Lint", exact=True).click()
    expect(result).to_contain_text("control-from-text")
    view("Diff", exact=True).click()
    expect(result.locator("tr.head")).to_contain_text("llama-3")
    view("Prompt", exact=True).click()
    page.locator("#templates-messages textarea").fill("[{]")
    expect(result.get_by_role("alert")).to_contain_text("is not JSON")


def test_answers_stand_side_by_side_and_can_be_stopped(served: Served, page: Page) -> None:
    go(page, "Compare")
    served.script("one", "**Pieces** of text.")
    served.script("two", "<script>document.title = 'owned'</script> Numbers.")
    page.locator("#compare-models .remove-all").click()
    choose(page, "#compare-models", "one", "two")
    press(page, "Compare")
    result = page.locator("#compare-result")
    expect(result.locator("section", has_text="one").locator("strong")).to_have_text("Pieces")
    expect(result.locator("section", has_text="two")).to_contain_text("<script>")
    expect(result.locator("table")).to_contain_text("unknown")  # what they cost
    assert page.title() != "owned"

    served.script("slow", "word " * 400)
    page.locator("#compare-models .remove-all").click()
    choose(page, "#compare-models", "one", "slow")
    served.script("one", "At once.")
    press(page, "Compare")
    expect(result.locator("section", has_text="slow")).to_contain_text("word word word")
    stop = page.get_by_role("button", name="Stop", exact=True).locator("visible=true")
    stop.press("Enter")
    expect(stop).to_be_disabled()
    expect(result.locator("section", has_text="slow").locator("small")).to_have_text("stopped")
    expect(result.locator("section", has_text="one").locator("small")).to_contain_text("cost")
    expect(result.locator("table")).to_contain_text("cut")
    words = result.inner_text().count("word")
    page.wait_for_timeout(600)
    assert result.inner_text().count("word") == words < 400


def test_what_goes_wrong_is_said_in_a_sentence(served: Served, page: Page) -> None:
    go(page, "Compare")
    page.locator("#compare-models .remove-all").click()
    choose(page, "#compare-models", "nosuchmodel")
    press(page, "Compare")
    expect(page.locator("#compare-result").get_by_role("alert")).to_contain_text(
        "No model is called 'nosuchmodel'"
    )


def test_two_talk_with_one_another(served: Served, page: Page) -> None:
    go(page, "Duel")
    served.script("one", "I disagree.", "Still no.", "Never.")
    served.script("two", "How right you are.", "Indeed.", "Quite so.")
    for n, model in ((1, "one"), (2, "two")):
        field = page.get_by_label(f"Model of speaker {n}", exact=True)
        field.click()
        field.fill(model)
        field.press("Enter")
    press(page, "Start")
    said = page.locator("#duel-result li")
    expect(said).to_have_count(7)
    expect(said.nth(1)).to_contain_text("How right you are.")
    expect(said.nth(6)).to_contain_text("Never.")


def booked(served: Served) -> list[tuple[str]]:
    with Database("airline", served.folder / "data" / "pellucid").opened() as db:
        return list(db.execute("select city from bookings order by number"))  # type: ignore[arg-type]


def test_a_booking_waits_for_a_person(served: Served, page: Page, browser: Browser) -> None:
    go(page, "Assistants")
    page.get_by_label("Model", exact=True).locator("visible=true").fill("one")
    page.keyboard.press("Enter")
    call = Message("assistant", (ToolCall("1", "book", json.dumps({"city": "Paris"})),))
    result, bar = page.locator("#assistants-result"), page.locator("#assistants-approval")
    words = page.locator("#assistants-words textarea")
    other = _open(served, browser)  # somebody else is asked nothing, and sees nothing of it
    go(other, "Assistants")
    expect(other.locator("#assistants-result")).to_contain_text("Welcome to FlightAI")
    for n, (button, outcome) in enumerate(
        (("Refuse", "the user did not approve it"), ("Approve", "is booked for $"))
    ):
        served.script("one", call, f"That was answer {n}.")
        words.fill("Book me a ticket to Paris")
        words.press("Enter")
        expect(bar).to_contain_text('book(city="Paris")')
        expect(other.locator("#assistants-result")).not_to_contain_text("Paris")
        expect(other.locator("#assistants-approval")).to_be_hidden()
        press(page, button)
        expect(result).to_contain_text(outcome)
        expect(result).to_contain_text(f"That was answer {n}.")
        expect(bar).to_be_hidden()
        assert booked(served) == [("Paris",)] * n
    other.close()


def test_whoever_stops_has_refused(served: Served, page: Page) -> None:
    before = booked(served)
    go(page, "Assistants")
    page.get_by_label("Model", exact=True).locator("visible=true").fill("two")
    page.keyboard.press("Enter")
    call = Message("assistant", (Text("Sure."), ToolCall("1", "book", '{"city": "Rome"}')))
    served.script("two", call, "Booked!")
    page.locator("#assistants-words textarea").fill("Book me a ticket to Rome")
    page.locator("#assistants-words textarea").press("Enter")
    expect(page.locator("#assistants-approval")).to_be_visible()
    press(page, "Stop")
    expect(page.locator("#assistants-approval")).to_be_hidden()
    time.sleep(0.5)
    assert booked(served) == before


def test_a_brochure_of_a_site_of_ones_own(served: Served, page: Page) -> None:
    site = next(iter(web_sites.load().values()))
    go(page, "Web")
    page.get_by_text("Brochure", exact=True).click()
    with site_serving(site.pages()) as server:
        page.locator("#web-url textarea").fill(server.url("/"))
        page.locator("#web-company textarea").fill(site.name)
        page.get_by_label("Pages, at most").fill("2")
        press(page, "Make it")
        alert = page.locator("#web-result").get_by_role("alert")
        expect(alert).to_contain_text("--allow-host")
        page.locator("#web-allow textarea").fill(server.host)
        press(page, "Make it")
        result = page.locator("#web-result")
        expect(result.locator("h1")).to_contain_text(site.name, timeout=60_000)
        expect(result).to_contain_text("to smollm2-135m; the last", timeout=60_000)
        sources: Locator = result.locator(f"a[href^='{server.url('/')}']")
        assert sources.count() > 1


def test_a_receipt_in_a_line() -> None:
    told = Summary("01", 0.0, "whisper-base", "01", "", "Hello.", 0, 0, "cut")
    heard = replace(told, kind="transcription")
    assert line(heard).endswith(" · [transcription] Hello. · whisper-base · cut")
    assert line(told).endswith("(no question) · whisper-base · 0 in, 0 out, cut")


def test_receipts_are_found_opened_and_compared(served: Served, page: Page) -> None:
    served.script("one", "Quokkas smile.")
    go(page, "Compare")
    page.locator("#compare-models .remove-all").click()
    choose(page, "#compare-models", "one")
    page.locator("#compare-question textarea").fill("Which animal smiles, the quokka?")
    press(page, "Compare")
    expect(page.locator("#compare-result table")).to_be_visible()
    go(page, "Receipts")
    page.locator("#find textarea").fill("quokka")
    expect(page.get_by_label("Model", exact=True).locator("visible=true")).to_have_value("any")
    rows = page.locator("#receipts-list label")
    assert rows.first.evaluate("(row) => getComputedStyle(row.parentElement).flexWrap") == "nowrap"
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(page.locator("#receipts-result")).to_contain_text("Which animal smiles")
    page.locator("#find textarea").fill("nobody ever said this")
    expect(rows).to_have_count(0)


def test_the_tour_is_computed_on_what_one_writes(served: Served, page: Page) -> None:
    go(page, "Tour")
    expect(page.locator("#tour-8")).to_contain_text("times as many")
    page.locator("#tour-text textarea").fill("é")
    expect(page.locator("#tour-1")).to_contain_text("1 characters, 2 bytes")
    page.locator("#tour-text textarea").fill("Hé, how are you?")
    expect(page.locator("#tour-1")).to_contain_text("and 4 more")
    page.locator("#tour-8").scroll_into_view_if_needed()
    expect(page.get_by_role("tab", name="Tour", exact=True)).to_be_in_viewport()  # it stays on top
    press(page, "Ask for the first token")
    expect(page.locator("#tour-6 .chances tr")).to_have_count(11)

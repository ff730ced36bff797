"""The page of a receipt in a real browser. Needs Debian's chromium: `apt-get install chromium`."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator

import browser_pages
import sample_receipts as samples
from pellucid.messages import Request, Text, text_message
from pellucid.prompt.values import Prompt
from pellucid.record.receipt import Receipt, Timings
from pellucid.replies import Reply, Usage
from pellucid.views import figures, glyphs, html

ID = samples.second_turn().id

pytestmark = pytest.mark.browser

FACTS = """() => Object.fromEntries([...document.querySelectorAll("#tip dt")].map(
    (name) => [name.textContent, name.nextElementSibling.textContent]))"""

EVERY_TOKEN = """(of) => [...document.querySelectorAll(`.flow[data-of=${of}] i`)].map((token) => {
    token.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
    return [...document.querySelectorAll("#tip dd")].map((fact) => fact.textContent);
})"""

INTRUDE = """async (address) => {
    const refused = [];
    document.addEventListener("securitypolicyviolation",
        (event) => refused.push(event.effectiveDirective));
    const add = (name, values) =>
        document.body.append(Object.assign(document.createElement(name), values));
    add("script", {textContent: "document.title = 'owned'"});
    add("img", {src: address});
    add("style", {textContent: "body { display: none }"});
    await fetch(address).catch(() => {});
    await new Promise((done) => setTimeout(done, 50));
    return refused.sort();
}"""

PAYLOADS = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</style><script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "<svg onload=document.title='owned'>",
    '"><img src=http://127.0.0.1:9/leak onerror="document.title=\'owned\'">',
    "'--><script>document.title='owned'</script>",
    "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\">",
    "<link rel=stylesheet href=http://127.0.0.1:9/leak>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/leak'>",
    "<base href=http://127.0.0.1:9/><a href=leak>x</a>",
    "<!--<script>",
    "<details open ontoggle=document.title='owned'>",
    "{{constructor.constructor('document.title=1')()}}",
    "javascript:document.title='owned'",
    "]]><script>document.title='owned'</script>",
    "\\u003cscript>document.title='owned'\\u003c/script>",
)


class Opened(browser_pages.Opened):
    """A receipt's page, with its tokens and their tooltip."""

    def token(self, flow: str, number: int) -> Locator:
        return self.page.locator(f".flow[data-of={flow}] i").nth(number)

    def facts(self) -> dict[str, str]:
        """What the tooltip says."""
        self.page.wait_for_selector("#tip:not([hidden])")
        facts: dict[str, str] = self.page.evaluate(FACTS)
        return facts


def open_receipt(browser: Browser, folder: Path, receipt: Receipt, scheme: str = "light") -> Opened:
    return Opened(browser, folder / "receipt.html", html.receipt_page(receipt), scheme)


def test_hovering_a_token_tells_what_is_known(browser: Browser, tmp_path: Path) -> None:
    opened = open_receipt(browser, tmp_path, samples.second_turn())
    opened.token("prompt", 17).hover()
    assert opened.facts() == {
        "id": "18095",
        "bytes": "20 53 74 65 70 68 65 6E",
        "origin": "message 1, part 0 (user)",
        "why": "what the user wrote",
        "offset": "characters 81 to 89, token 17",
    }
    opened.token("prompt", 0).hover()
    assert opened.facts()["origin"] == "scaffold"
    assert opened.facts()["why"] == "control token, written by the chat template"
    opened.token("reply", 3).hover()
    facts = opened.facts()
    assert (facts["id"], facts["probability"]) == ("18095", "44%")
    assert [row.split() for row in opened.page.locator("#tip tr").all_inner_texts()] == [
        ["It", "9.0%", "id", "2132"],
        ["␣日", "<0.1%", "id", "75402"],
    ]
    opened.token("reply", 4).hover()
    assert opened.facts()["probability"] == "unknown"
    opened.page.mouse.move(1, 1)
    opened.page.wait_for_selector("#tip", state="hidden")
    opened.close()


@pytest.mark.parametrize("sample", ["second_turn", "hostile"])
def test_every_token_has_its_origin(browser: Browser, tmp_path: Path, sample: str) -> None:
    receipt: Receipt = getattr(samples, sample)()
    prompt = receipt.prompt
    assert prompt is not None
    opened = open_receipt(browser, tmp_path, receipt)
    assert opened.page.evaluate(EVERY_TOKEN, "prompt") == [
        prompt_facts(prompt, i) for i in range(len(prompt))
    ]
    shown = opened.page.evaluate(EVERY_TOKEN, "reply")
    assert [(facts[0], facts[1], facts[2]) for facts in shown] == [
        (str(token.id), token.piece.hex(" ").upper(), figures.probability(token.logprob))
        for token in receipt.reply.tokens
    ]
    opened.close()


def prompt_facts(prompt: Prompt, i: int) -> list[str]:
    start, end = prompt.encoding.offsets[i]
    return [
        str(prompt.ids[i]),
        prompt.encoding.pieces[i].hex(" ").upper(),
        " + ".join(figures.origin_place(prompt, span) for span in prompt.origins[i]),
        figures.origin_reason(prompt, i),
        f"characters {start} to {end}, token {i}",
    ]


def test_the_prompt_reads_as_its_text(browser: Browser, tmp_path: Path) -> None:
    receipt = samples.second_turn()
    opened = open_receipt(browser, tmp_path, receipt)
    text = opened.page.evaluate(
        """() => [...document.querySelectorAll(".flow[data-of=prompt] i")].flatMap((token) =>
            [...token.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data)
        ).join("")"""
    )
    assert receipt.prompt is not None
    assert text == receipt.prompt.text
    opened.close()


def test_the_keyboard_reaches_every_token(browser: Browser, tmp_path: Path) -> None:
    receipt = samples.long(1500)
    assert receipt.prompt is not None
    opened = open_receipt(browser, tmp_path, receipt)
    press = opened.page.keyboard.press
    opened.page.locator("nav a").last.focus()
    while not opened.page.evaluate("() => document.activeElement.closest('.flow')"):
        press("Tab")
    assert opened.facts()["offset"].endswith(", token 0")
    press("ArrowRight")
    assert opened.facts()["offset"].endswith(", token 1")
    press("End")
    assert opened.facts()["offset"].endswith(f", token {len(receipt.prompt) - 1}")
    press("ArrowLeft")
    press("ArrowLeft")
    press("ArrowLeft")  # into the row before
    assert opened.facts()["offset"].endswith(f", token {len(receipt.prompt) - 4}")
    press("Escape")
    opened.page.wait_for_selector("#tip", state="hidden")
    press("Home")
    assert opened.facts()["id"] == "151644"
    press("Tab")
    assert "probability" in opened.facts()  # one stop for each flow: the next one is the reply
    opened.close()


def test_nothing_that_was_written_runs(browser: Browser, tmp_path: Path, full: bool) -> None:
    together = "\n".join(PAYLOADS)
    for payload in (together, samples.HOSTILE, *(PAYLOADS if full else ())):
        opened = open_receipt(browser, tmp_path, with_text(payload))
        assert opened.page.title() == " ".join(glyphs.visible(f"{payload} · {ID}").split())
        assert opened.page.locator("img, iframe, svg[onload], link, base").count() == 0
        assert opened.page.locator("script").count() == 2
        for flow in ("prompt", "reply"):
            opened.token(flow, 9).hover()
            assert opened.facts()["id"]
        assert payload.split()[0] in opened.page.locator("#messages").inner_text()
        assert opened.page.title() == " ".join(glyphs.visible(f"{payload} · {ID}").split())
        opened.close()


def with_text(text: str) -> Receipt:
    """A receipt in which every field that others can write holds this text."""
    receipt = samples.hostile()
    message = replace(text_message("user", text), parts=(Text(text), Text(text, source=text)))
    reply = samples.reply_of(text, (0.1,), ((text, 0.2),))
    return samples.receipt_of(
        Request((text_message("system", text), message)),
        Reply(reply.message, "error", reply.usage, reply.tokens, error=text),
        model=text,
        memory=replace(receipt.memory, policy=text),
        versions={text: text},
        settings={text: text},
        notes=(text,),
    )


def test_the_policy_forbids_scripts_and_requests(browser: Browser, tmp_path: Path) -> None:
    """Even if something got into the page, it could do nothing: nobody dials this listener."""
    opened = open_receipt(browser, tmp_path, samples.second_turn())
    title = opened.page.title()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        refused = opened.page.evaluate(INTRUDE, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert refused == ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
    assert opened.page.title() == title
    opened.page.close()


def test_thirty_thousand_tokens_are_soon_at_hand(browser: Browser, tmp_path: Path) -> None:
    receipt = samples.long(30_000)
    assert receipt.prompt is not None
    page = html.receipt_page(receipt)
    assert len(page) < 85 * len(receipt.prompt)
    opened = Opened(browser, tmp_path / "receipt.html", "<!doctype html>")
    opened.requests.clear()
    (tmp_path / "receipt.html").write_text(page, "utf-8")
    opened.page.goto(opened.url)
    opened.token("prompt", 20_000).hover()
    assert opened.facts()["id"] == str(receipt.prompt.ids[20_000])
    elements = opened.page.evaluate("document.querySelectorAll('*').length")
    assert elements < 1.5 * len(receipt.prompt)
    opened.close()


def test_light_and_dark_follow_the_reader(browser: Browser, tmp_path: Path) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        opened = open_receipt(browser, tmp_path, samples.second_turn(), scheme)
        grounds.append(
            opened.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        )
        opened.close()
    assert grounds == ["rgb(246, 247, 249)", "rgb(16, 21, 27)"]


def test_a_narrow_window_needs_no_sideways_scrolling(browser: Browser, tmp_path: Path) -> None:
    opened = open_receipt(browser, tmp_path, samples.hostile())
    opened.page.set_viewport_size({"width": 380, "height": 800})
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= 380
    opened.close()


def test_a_receipt_of_a_provider_has_a_page_too(browser: Browser, tmp_path: Path) -> None:
    receipt = samples.second_turn()
    reply = replace(receipt.reply, tokens=(), usage=Usage(40, output=5, known="reported"))
    receipt = replace(receipt, prompt=None, reply=reply, window=None, timings=Timings())
    opened = open_receipt(browser, tmp_path, receipt)
    assert opened.page.locator("#reply").inner_text().endswith("Your name is Stephen.")
    assert "only the messages are known here" in opened.page.locator("#prompt").inner_text()
    cost = opened.page.locator("#cost").inner_text()
    assert "as the provider reported" in cost
    assert "unknown" in cost
    opened.page.keyboard.press("ArrowRight")
    opened.close()


def test_fragments_run_and_ask_for_nothing(browser: Browser, tmp_path: Path) -> None:
    receipt = samples.hostile()
    assert receipt.prompt is not None
    fragments = "".join(
        (
            html.receipt_fragment(receipt),
            html.prompt_fragment(receipt.prompt),
            html.encoding_fragment(receipt.prompt.encoding),
            html.reply_fragment(receipt.reply),
        )
    )
    page = f"<!doctype html><meta charset=utf-8><title>notebook</title>{fragments}"
    opened = Opened(browser, tmp_path / "notebook.html", page)
    assert opened.page.title() == "notebook"
    assert opened.page.locator("script, img").count() == 0
    title = opened.token("prompt", 1).first.get_attribute("title")
    assert title is not None
    assert title.split("\n")[1:3] == ["id 8948", "bytes 73 79 73 74 65 6D"]
    opened.close()

"""The panels of the glass: their figures are the receipt's, and nothing that was written acts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import sample_receipts as samples
import wire_server
from browser_pages import Opened
from pellucid.chat import Chat
from pellucid.cli import serve
from pellucid.messages import Message, Request, ToolCall, ToolResult, ToolSpec, text_message
from pellucid.models.scripted import Scripted
from pellucid.record.receipt import Receipt
from pellucid.replies import Exchange, Reply, Usage
from pellucid.tools.running import Toolbox, approval
from pellucid.tools.tool import tool
from pellucid.views import clients, figures, tables
from pellucid.views.glass import PANELS, Glass, script, style
from work import calls

KEYS = ["messages", "prompt", "tokens", "reply", "wire", "cost", "tools"]


def panel(key: str, glass: Glass | Receipt) -> str:
    glass = Glass(glass) if isinstance(glass, Receipt) else glass
    return next(panel for panel in PANELS if panel.key == key).html(glass)


class Read(HTMLParser):
    """The words of a fragment without its tips, its elements, and every attribute of them."""

    VOID = frozenset({"br", "rect", "line", "meter"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.prompt = ""
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag not in self.VOID:
            self._open.append(f"{tag}.{found.get('class', '')}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().split(".")[0] == tag

    def handle_data(self, data: str) -> None:
        if "span.tip" not in self._open:
            self.words.append(data)
        within = " ".join(self._open)
        if "div.runs" in within and not any(w in within for w in ("span.tip", "b.", "div.who")):
            self.prompt += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == value for key, value in wanted.items())
        ]


def hosted() -> Receipt:
    """A call of a host, its key removed as receipts have it."""
    body = {
        "model": "gpt-4.1-mini",
        "messages": [{"role": "user", "content": "What's <b>my</b> name?"}],
        "temperature": 0.7,
        "top_k": 20,
        "stream": True,
    }
    exchange = Exchange(
        "POST",
        "https://api.openai.com/v1/chat/completions",
        {"Content-Type": "application/json", "Authorization": "Bearer [removed]"},
        json.dumps(body).encode(),
        200,
        {"content-type": "text/event-stream"},
        bytearray(b'data: {"choices": []}\n\ndata: [DONE]\n\n'),
        ["RateLimited: slow down. Tried again after 1.0 s."],
    )
    receipt = samples.second_turn()
    usage = Usage(1000, 500, output=200, known="reported")
    return replace(
        receipt,
        model="openai:gpt-4.1-mini",
        prompt=None,
        exchange=exchange,
        reply=replace(receipt.reply, usage=usage),
        settings={"host": "openai", "base": "https://api.openai.com/v1", "dialect": "openai"},
    )


def conversation() -> Glass:
    """Three turns, each one sending those before it again."""
    last = samples.second_turn()
    words = "What's my name?"
    receipts: list[Receipt] = []
    messages = list(last.request.messages)
    for n in range(3):
        before = len(receipts[-1].request.messages) + 1 if receipts else 0
        if n:
            messages += [text_message("assistant", "Your name is Stephen."), messages[-1]]
        request = Request(tuple(messages[:2] if n == 0 else messages))
        reply = samples.reply_of("Your name is Stephen.")
        receipts.append(samples.receipt_of(request, reply, replayed_messages=before))
    assert words in receipts[-1].request.messages[-1].text
    return Glass(receipts[-1], tuple(receipts[:-1]))


def booking() -> Glass:
    """A turn with two calls, the second of which was approved."""
    specs = (
        ToolSpec("price", "The price.", {"type": "object", "properties": {"city": {}}}),
        ToolSpec("book", "Books.", {"type": "object", "required": ["city"]}),
    )
    asked = ToolCall("c1", "price", '{"city": "Paris"}')
    booked = ToolCall("c2", "book", '{"city": "Paris"}')
    messages = (
        text_message("user", "Book me a flight to Paris"),
        Message("assistant", (asked,)),
        Message("tool", (ToolResult("c1", "price", "899 dollars"),)),
        Message("assistant", (booked,)),
        Message("tool", (ToolResult("c2", "book", "AB123"),)),
    )
    first, second = (
        samples.receipt_of(
            Request(messages[:n], tools=specs), Reply(messages[n], "tool_calls", Usage())
        )
        for n in (1, 3)
    )
    last = samples.receipt_of(
        Request(messages, tools=specs),
        samples.reply_of("Booked: AB123."),
        notes=(approval(booked),),
    )
    return Glass(last, (first, second))


def test_the_panels_in_their_order() -> None:
    assert [panel.key for panel in PANELS] == KEYS


def test_messages_are_those_that_were_sent() -> None:
    read = Read(panel("messages", samples.second_turn()))
    assert "4 sent: 3 replayed, 1 new." in read.text
    assert "34 of 49 tokens" in read.text
    assert [each["class"] for each in read.all("li")] == ["replayed"] * 3 + ["new"]
    assert [word for word in ("Hi! I'm Stephen!", "What's my name?") if word in read.text]
    assert "Nothing was said before" in panel("messages", conversation().earlier[0])


def test_what_memory_left_out_is_said() -> None:
    receipt = samples.hostile()
    assert "Left out by the memory policy fit" in panel("messages", receipt)


def test_the_prompt_reads_as_its_text_and_tells_why() -> None:
    receipt = samples.second_turn()
    prompt = receipt.prompt
    assert prompt is not None
    html = panel("prompt", receipt)
    assert Read(html).prompt == prompt.text
    assert f"{len(prompt)} tokens, exactly as the model got them" in html
    assert html.count('class="o0 k" tabindex="0"') + html.count('class="o7 k" tabindex="0"') == sum(
        prompt.encoding.special
    )
    assert "<b>message 1, part 0 (user)</b> what the user wrote<br>tokens 13 to 18" in html
    assert "control token, written by the chat template" in html


def test_every_token_is_a_chip_and_the_window_adds_up() -> None:
    receipt = samples.second_turn()
    prompt = receipt.prompt
    assert prompt is not None and receipt.window is not None
    read = Read(panel("tokens", receipt))
    chips = [each for each in read.all("i") if "data-id" in each]
    assert [int(chip["data-id"]) for chip in chips] == list(prompt.ids)
    assert chips[7]["data-bytes"] == "20 61 73 73 69 73 …"
    assert [i for i, chip in enumerate(chips) if chip["class"].endswith(" cut")] == [30]
    assert "30 of 49 tokens were read from the cache" in read.text
    parts = figures.window_parts(receipt)
    assert sum(count for _, count in parts) == len(prompt)
    assert dict(parts) == {"template": 23, "system": 5, "history": 16, "this turn": 5}
    assert "template 23system 5history 16this turn 5the reply 6room 32,713" in read.text
    before = conversation()
    assert "goes on where the first ended" in panel("tokens", before)


def test_every_token_of_the_reply_opens_its_alternatives() -> None:
    receipt = samples.second_turn()
    read = Read(panel("reply", receipt))
    targets = [each["popovertarget"] for each in read.all("button") if "popovertarget" in each]
    assert targets == [f"token-{i}" for i in range(len(receipt.reply.tokens))]
    assert [each["id"] for each in read.all("div") if "popover" in each] == targets
    branches = [
        json.loads(each["data-value"]) for each in read.all("button", **{"data-pellucid": "branch"})
    ]
    assert branches == [
        {"receipt": receipt.id, "token": i, "id": candidate.id}
        for i, token in enumerate(receipt.reply.tokens)
        for candidate in figures.others(token)
    ]
    assert "nearest to another word at token 0: ␣Stephen (31%) in place of Your (83%)" in read.text
    assert 'class="p2"' in panel("reply", receipt)


def test_a_hosted_reply_has_no_branches() -> None:
    assert 'data-pellucid="branch"' not in panel("reply", hosted())
    bare = replace(hosted(), reply=replace(hosted().reply, tokens=()))
    assert "The provider reported only the text" in panel("reply", bare)


def test_the_wire_of_a_host_and_of_the_engine() -> None:
    read = Read(panel("wire", hosted()))
    assert "POST https://api.openai.com/v1/chat/completions" in read.text
    assert "Bearer $OPENAI_API_KEY" in read.text
    assert 'os.environ["OPENAI_API_KEY"]' in read.text
    assert "extra_body={'top_k': 20}" in read.text
    assert "Tried again after 1.0 s." in read.text
    assert [each["data-value"] for each in read.all("button")] == ['"#wire-curl"', '"#wire-python"']
    local = samples.second_turn()
    assert local.prompt is not None
    read = Read(panel("wire", local))
    assert "was given 49 ids, no text" in read.text
    assert " ".join(map(str, local.prompt.ids)) in read.text
    assert f"curl -N http://127.0.0.1:{serve.PORT}/v1/chat/completions" in read.text
    assert "Nothing went over a wire" in panel("wire", replace(local, prompt=None))


BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": (
        "/v1/chat/completions",
        {
            "model": "m",
            "messages": [{"role": "user", "content": "it's 5\n\"o'clock\""}],
            "top_k": 5,
        },
    ),
    "openai-responses": ("/v1/responses", {"model": "m", "input": [], "store": False, "odd": 1}),
    "anthropic": (
        "/v1/messages",
        {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}], "odd": [1]},
    ),
    "gemini": (
        "/v1beta/models/m:generateContent",
        {
            "contents": [{"parts": [{"text": "x"}], "role": "user"}],
            "systemInstruction": {"parts": [{"text": "s"}], "role": "user"},
            "generationConfig": {"temperature": 0.5, "topK": 4},
        },
    ),
    "ollama": (
        "/api/chat",
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": False},
    ),
    "ollama-generate": ("/api/generate", {"model": "m", "prompt": "x", "stream": False}),
}


@pytest.mark.parametrize("dialect", BODIES)
def test_the_programs_send_what_was_sent(dialect: str) -> None:
    """Run as they stand, against a server that keeps what it is sent."""
    path, body = BODIES[dialect]
    seen: list[tuple[str, dict[str, Any]]] = []

    def handle(path: str, body: dict[str, Any]) -> wire_server.Answer:
        seen.append((path, body))
        return wire_server.as_json({"error": {"message": "enough"}}, 400)

    with wire_server.serving(handle) as address:
        wire = clients.Wire(dialect, address + path, {"Content-Type": "application/json"}, body)
        with pytest.raises(Exception, match=r"(?i)enough|400"):
            exec(compile(clients.python(wire), "program", "exec"), {})
    assert seen[0][0].partition("?")[0] == path
    sent = seen[0][1]
    assert {name: sent[name] for name in body} == body


def test_curl_quotes_what_it_is_given() -> None:
    import shlex

    _, body = BODIES["openai"]
    headers = {"Authorization": "Bearer [removed]", "$(x)": "`y` [removed]'$z"}
    wire = clients.Wire("openai", "http://127.0.0.1:1/a b", headers, body, "KEY")
    command = clients.curl(wire)
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:1/a b"]
    assert (words[4], words[6]) == ("Authorization: Bearer $KEY", "$(x): `y` $KEY'$z")
    assert re.findall(r'"[^"]*\$KEY"', command.partition("--data")[0]) == [
        '"Authorization: Bearer $KEY"',
        '"$KEY"',
    ]
    assert json.loads(words[-1]) == body


def test_a_strangers_field_becomes_no_code() -> None:
    body = {"model": "m", "x=__import__('os').abort(), y": 1, "messages": []}
    wire = clients.Wire("ollama", "http://127.0.0.1:1/api/chat", {}, body)
    assert "abort" not in clients.python(wire)


def test_a_host_that_was_not_asked_is_no_model_of_this_machine() -> None:
    here = replace(samples.second_turn(), prompt=None)
    asked = replace(
        hosted(), reply=Reply(Message("assistant", ()), "error", Usage(known="estimated"))
    )
    for kind in ("conversation", "vectors"):
        unsent = replace(asked, exchange=None, kind=kind)
        assert figures.cost(unsent) == "none, nothing was sent"
        for key in ("wire", "cost"):
            words = panel(key, unsent)
            assert "this machine" not in words and "within the program" not in words
            assert "othing was sent" in words
        within = replace(here, kind=kind)
        assert figures.cost(within) == "none" and tables.cost(within) == []
        assert "within the program" in panel("wire", within)
        assert "this machine" in panel("cost", within)


def test_tokens_that_nobody_told_of_have_no_cost() -> None:
    cut = replace(hosted(), reply=Reply(Message("assistant", ()), "cut", Usage(known="estimated")))
    assert figures.cost(cut) == "unknown" and "unknown" in str(tables.cost(cut))
    assert "$0" not in panel("cost", cut)


def test_cost_and_time_and_how_they_grow() -> None:
    glass = conversation()
    html = panel("cost", glass)
    read = Read(html)
    sizes = [call.reply.usage.input_total for call in (*glass.earlier, glass.receipt)]
    replayed = figures.replayed_tokens(glass.receipt)
    assert f"The first turn sent {sizes[0]}; of the {sizes[-1]} of this one {replayed}" in read.text
    assert f"The 3 turns together sent {sum(sizes)}." in read.text
    new = sizes[-1] - (replayed or 0)
    assert f"turn 3: {replayed} replayed, {new} new, 6 answered" in html
    assert html.count('class="ahead"') == 10 - 3
    times = [figures.seconds(c.timings.total) for c in (*glass.earlier, glass.receipt)]
    assert [html.count(f"<td>{each}</td>") >= times.count(each) for each in times] == [True] * 3
    assert "no money" in html
    rows = dict(re.findall(r"<th scope=row>([\w/.-]+)</th><td>(~\$[\d.]+)</td>", html))
    assert len(rows) >= 6
    paid = panel("cost", hosted())
    assert "1,000 fresh × $0.4 / 1,000,000" in paid and "as the provider reported" in paid
    assert "bounds what is replayed" in panel("cost", samples.hostile())


def test_calls_arguments_results_approvals_and_the_verdict() -> None:
    read = Read(panel("tools", booking()))
    assert "2 tools were offered, 2 calls made in this turn." in read.text
    assert 'price answeredarguments{"city": "Paris"}approvalnot asked forresult899' in read.text
    assert "the user was asked, and approvedresultAB123" in read.text
    assert read.text.count("✓ well called") == 2
    assert "No tools were offered" in panel("tools", samples.second_turn())
    hostile = panel("tools", samples.hostile())
    assert "✗" in hostile


@pytest.mark.parametrize("agrees", [True, False])
def test_an_approval_is_noted(agrees: bool) -> None:
    @tool(acts=True)
    def book(city: str) -> str:
        """Books."""
        return f"booked {city}"

    call = Message("assistant", (ToolCall("c1", "book", '{"city": "Rome"}'),))
    chat = Chat(
        Scripted([call, "Done."]),
        tools=Toolbox([book], approve=lambda *_: agrees),
        store=None,
    )
    chat.say("Book Rome")
    noted = 'The user approved book {"city": "Rome"}.'
    assert (noted in chat.receipts[-1].notes) is agrees
    shown = panel("tools", Glass(chat.receipts[-1], (chat.receipts[0],)))
    assert ("the user was asked, and approved" if agrees else "not given: it was not run") in shown


def hostile_host() -> Receipt:
    bad = samples.HOSTILE
    receipt = hosted()
    assert receipt.exchange is not None
    exchange = replace(
        receipt.exchange,
        url=f"https://x.test/{bad}",
        sent_headers={bad: bad},
        sent=json.dumps({"model": bad, "messages": [{"content": bad}], bad: 1}).encode(),
        received_headers={bad: bad},
        received=bytearray(bad.encode("utf-8", "replace")),
        retries=[bad],
    )
    return replace(samples.hostile(), prompt=None, exchange=exchange)


ALLOWED = frozenset(
    (
        *("div", "p", "b", "i", "br", "span", "small", "strong", "em", "section", "h4", "h5"),
        *("pre", "code", "ul", "ol", "li", "table", "tr", "th", "td", "details", "summary"),
        *("button", "svg", "g", "rect", "title", "figure", "figcaption"),
    )
)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("make", [samples.hostile, hostile_host])
def test_nothing_that_was_written_acts(key: str, make: Callable[[], Receipt]) -> None:
    read = Read(panel(key, Glass(make(), (make(),))))
    assert {tag for tag, _ in read.elements} <= ALLOWED
    for _, found in read.elements:
        assert not any(name.startswith("on") or name in ("src", "href", "style") for name in found)
    unseen = ("cost", "prompt", "tokens") if make is hostile_host else ("cost",)
    assert "document.title='owned'" in read.text or key in unseen


def test_the_style_asks_no_host() -> None:
    assert not re.search(r"url\(|@import|https?:", style())


def test_thirty_thousand_tokens_are_little_work() -> None:
    """A few calls for each; the prompt's panel is a few elements."""
    receipt = samples.long(30_000)
    assert receipt.prompt is not None
    prompt = panel("prompt", receipt)
    assert prompt.count("<i ") < 400
    assert len(prompt) < 10 * len(receipt.prompt)
    tokens = panel("tokens", receipt)
    for key in ("prompt", "tokens"):
        assert calls(partial(panel, key, receipt)) < 40 * len(receipt.prompt)
    chips = tokens.count("data-id=")
    assert chips < 4_000
    folded = re.findall(r'<pre class="ids"[^>]*>(.*?)</pre>', tokens, flags=re.DOTALL)
    lines = [line for each in folded for line in each.splitlines() if not line.startswith("---")]
    assert chips + len(lines) == len(receipt.prompt)


@pytest.fixture(scope="module")
def opened(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """All panels of a turn on one page, dark, with the script that moves among tokens."""
    body = "".join(f"<h2>{p.title}</h2>{p.html(Glass(samples.second_turn()))}" for p in PANELS)
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>glass</title>"
    ground = ":root { color-scheme: light dark } body { background: light-dark(#fff, #171d25) }"
    page = f"{head}<style>{ground}{style()}</style><main>{body}</main><script>{script()}</script>"
    made = Opened(browser, tmp_path_factory.mktemp("glass") / "glass.html", page, "dark")
    yield made.page
    made.close()


@pytest.mark.browser
def test_axe_finds_nothing_in_either_theme(opened: Page) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(opened).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


@pytest.mark.browser
def test_keys_reach_what_can_be_pointed_at(opened: Page) -> None:
    run = opened.locator(".runs i")
    run.first.focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowRight")
    assert "message 0, part 0 (system)" in opened.locator(".tip:visible").inner_text()
    assert opened.locator(".runs i[tabindex='0']").count() == 1
    opened.locator(".said-tokens > button").first.focus()
    opened.keyboard.press("End")
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("Enter")
    card = opened.locator(".card:popover-open")
    assert "probability\t44%" in card.inner_text()
    opened.keyboard.press("Tab")
    assert opened.evaluate("() => document.activeElement.dataset.pellucid") == "branch"
    opened.keyboard.press("Escape")
    assert card.count() == 0

"""What a hosted call counts to here beside what was reported, what it cost, what was sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pellucid.calls import Call
from pellucid.messages import Media, Message, Request, Text, ToolSpec, text_message
from pellucid.models.scripted import Scripted
from pellucid.models.tokenizers import open_tokenizer
from pellucid.record.own_count import own_count
from pellucid.record.receipt import Receipt
from pellucid.replies import Exchange, Usage
from pellucid.views import terminal
from pellucid.views.html import receipt_page

ASKED = (text_message("system", "Be brief."), text_message("user", "What is a harbour?"))


def hosted(reported: int, *messages: Message, model: str = "gpt-4o", **request: object) -> Receipt:
    asked = Request(messages or ASKED, **request)  # type: ignore[arg-type]
    call = Call(Scripted(["A place for ships."], name=model), asked, None)
    list(call)
    assert call.receipt is not None
    usage = Usage(fresh=reported - 2, cache_read=2, output=5, known="reported")
    received = bytearray(b'{"text": "<script>"}')
    return replace(
        call.receipt,
        reply=replace(call.receipt.reply, usage=usage),
        settings={"dialect": "openai"},
        exchange=Exchange(
            "POST", "https://example.org/v1", {}, b"{}", 200, {}, received, ["503, after 1 s"]
        ),
    )


@pytest.fixture(autouse=True, scope="module")
def vocabulary() -> None:
    open_tokenizer("o200k_base")


def test_words_and_frame_are_what_was_reported() -> None:
    words = sum(open_tokenizer("o200k_base").count(message.text) for message in ASKED)
    counted = own_count(hosted(words + 2 * 3 + 3))
    assert counted is not None
    assert (counted.difference, counted.known, counted.vocabulary) == (0, "exact", "o200k_base")
    assert counted.why == "The provider counts the same."


@pytest.mark.parametrize(
    ("receipt", "why"),
    [
        (hosted(90, tools=(ToolSpec("tides", "High water"),)), "own wording of the tools"),
        (
            hosted(90, Message("user", (Text("What?"), Media("image", "image/png", b"\x89")))),
            "pictures",
        ),
        (hosted(90), "nothing that is known"),
        (hosted(90, model="claude-sonnet-4-5"), "the error of an estimate"),
    ],
)
def test_what_is_left_is_named(receipt: Receipt, why: str) -> None:
    counted = own_count(receipt)
    assert counted is not None and counted.total + counted.difference == 90
    assert why in counted.why


def test_what_is_not_counted_here_never_explains_a_smaller_report() -> None:
    image = Message("user", (Text("What is this?"), Media("image", "image/png", b"\x89")))
    counted = own_count(hosted(2, image))
    assert counted is not None and counted.difference < 0
    assert "pictures" not in counted.why and "nothing that is known" in counted.why


def test_without_a_vocabulary_nothing_is_claimed() -> None:
    assert own_count(hosted(20, model="nobody-knows")) is None
    assert own_count(replace(hosted(20), exchange=None)) is None


def test_the_receipt_shows_cost_wire_and_both_counts() -> None:
    shown = terminal.receipt(hosted(20), width=200)
    assert "18 fresh × $2.5 / 1,000,000 = $0.000045" in shown
    assert "2 cache read × $1.25 / 1,000,000" in shown
    assert "POST https://example.org/v1, 2 bytes" in shown and "503, after 1 s" in shown
    assert "counted here" in shown and "reported" in shown
    unknown = terminal.receipt(hosted(20, model="nobody-knows"), width=200)
    assert "unknown: no price of nobody-knows" in unknown


def test_the_page_shows_the_bytes_as_text() -> None:
    page = receipt_page(hosted(20))
    assert "&quot;text&quot;: &quot;&lt;script&gt;&quot;" in page

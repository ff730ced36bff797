"""Receipts as JSON: every field there and back, strange text unharmed, bad lines named."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import pytest

import sample_receipts
import stored_receipts
from pellucid.errors import StoreError
from pellucid.messages import (
    Media,
    Message,
    Options,
    Produced,
    Refusal,
    Request,
    ResponseFormat,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from pellucid.prompt.values import Origin, Prompt, Span
from pellucid.record.codec import dumps, encode, from_json, to_json, write
from pellucid.record.receipt import Memory, Receipt, Timings
from pellucid.record.store import Imported, Store
from pellucid.replies import Candidate, Exchange, Reply, ReplyToken, Usage
from pellucid.tokens.encoding import Encoding

NAUGHTY: list[str] = json.loads((Path(__file__).parent / "data" / "blns.json").read_text("utf-8"))
"""The Big List of Naughty Strings: data/blns.LICENSE."""


SIGNED = Signature("anthropic", "sig")


def everything() -> Receipt:
    """A receipt in which no field has its default."""
    picture = Media("image", "image/png", b"\x89PNG\xff", None, "a.png")
    message = Message(
        "assistant",
        (
            Text("text", "https://example.org", SIGNED),
            Refusal("refusal"),
            Thinking("thought", SIGNED, redacted=True),
            ToolCall("call", "tool", '{"a": 1}', SIGNED),
            picture,
            Media("file", "text/plain", None, "https://example.org/a", None),
        ),
        Produced((5, 70_000), "f00d"),
    )
    answer = Message("tool", (ToolResult("call", "tool", "result", True, (picture,)),))
    encoding = Encoding(
        "a€b",
        (1, 2, 3, 4),
        (b"a", b"\xe2", b"\x82\xac", b"b"),
        ((0, 1), (1, 2), (1, 2), (2, 3)),
        (True, False, False, True),
        "f00d",
    )
    spans = (
        Span(0, 1, Origin("scaffold")),
        Span(1, 2, Origin("message", 0, 1)),
        Span(2, 3, Origin("tool", tool=0)),
    )
    prompt = Prompt(
        encoding, spans, ((0,), (1,), (0, 1, 2), (2,)), ("user",), False, ("note",), replayed=2
    )
    token = ReplyToken(
        7, b"\xff", -0.5, (Candidate(7, b"\xff", -0.5), Candidate(8, b"x", None)), exact=False
    )
    reply = Reply(message, "cut", Usage(1, 2, 3, 4, 5, "reported"), (token,), "lost")
    reply = replace(reply, detail="lost", notices=("notice",), id="answer", model="answering")
    exchange = Exchange(
        "POST",
        "https://example.org/v1",
        {"Accept": "*/*"},
        b"{}",
        200,
        {"Server": "x"},
        bytearray(b"\xff"),
        ["503"],
    )
    request = Request(
        (message, answer),
        (ToolSpec("tool", "what it does", {"type": "object", "required": ["a"]}, True),),
        Options(0.5, 0.9, 40, 0.05, 100, 7, ("\n", "END"), 5, 0.5, 0.5, "low", 100),
        False,
        ResponseFormat({"type": "object"}, "form", False),
        "required",
        True,
    )
    return Receipt(
        id="01KAMP4J3Q8Z5V0T6Y2N9C7D1E",
        created=1763772372.25,
        model="a model",
        conversation="a conversation",
        request=request,
        prompt=prompt,
        reply=reply,
        timings=Timings(1.5, 0.25, 100.0, 25.0),
        memory=Memory("fit", (message,)),
        window=4096,
        parent="01KAMP4J3Q8Z5V0T6Y2N9C7D1D",
        app="another",
        versions={"pellucid": "0.1.0"},
        settings={"temperature": 0.5, "nested": {"list": [1, None, True, "x"]}},
        notes=("a note",),
        replayed_messages=1,
        exchange=exchange,
        kind="transcription",
    )


def straddling() -> Receipt:
    """Tokens across the borders of messages, and pieces that do not spell the text."""
    encoding = Encoding(
        "Hello you two",
        (10, 11, 12, 13),
        (b" Hel", b"lo yo", b"u t", b"wo"),
        ((0, 3), (3, 8), (8, 11), (11, 13)),
        (False,) * 4,
        "5eed",
    )
    spans = tuple(
        Span(start, end, Origin("message", message, 0))
        for start, end, message in ((0, 6, 0), (6, 10, 1), (10, 13, 2))
    )
    prompt = Prompt(encoding, spans, ((0,), (0, 1), (1, 2), (2,)), ("user",) * 3, True)
    return replace(everything(), model="straddling", prompt=prompt)


SAMPLES: list[Receipt] = [
    everything(),
    straddling(),
    sample_receipts.second_turn(),
    sample_receipts.hostile(),
    *stored_receipts.conversation(1, 2, 20),
    replace(everything(), prompt=None, parent=None, request=Request(())),
]


def defaults(value: Any) -> set[str]:
    """Names of the fields of `value` and of what is in it that have their default."""
    if isinstance(value, tuple):
        return set().union(*map(defaults, value)) if value else set()
    names = set()
    for name, field in getattr(type(value), "__dataclass_fields__", {}).items():
        item = getattr(value, name)
        if item == field.default or (not isinstance(item, bool) and item in ({}, ())):
            names.add(f"{type(value).__name__}.{name}")
        names |= defaults(item)
    return names


def test_the_sample_leaves_no_default() -> None:
    # Each is set somewhere in the sample, beside a place where it cannot be.
    elsewhere = {
        "Media.data", "Media.url", "Media.name", "Message.produced", "Candidate.logprob",
        "Origin.message", "Origin.part", "Origin.tool",
    }  # fmt: skip
    assert defaults(everything()) == elsewhere


@pytest.mark.parametrize("receipt", SAMPLES, ids=lambda receipt: receipt.model[:12])
def test_there_and_back(receipt: Receipt) -> None:
    line = dumps(to_json(receipt))
    assert "\n" not in line
    line.encode()
    assert from_json(json.loads(line)) == receipt


@pytest.mark.parametrize("receipt", SAMPLES, ids=lambda receipt: receipt.model[:12])
def test_stored_and_read_back(receipt: Receipt, tmp_path: Path) -> None:
    with Store(tmp_path / "receipts.db") as store:
        store.add(receipt)
        assert store.get(receipt.id) == stored_receipts.rounded(receipt)
        assert store.verify() == ()


def test_lone_surrogates_survive_in_messages(tmp_path: Path) -> None:
    odd = "half \ud83d a pair \udcff"
    receipt = replace(everything(), request=Request((Message("user", (Text(odd),)),)))
    assert from_json(json.loads(dumps(to_json(receipt)).encode())) == receipt
    with Store(tmp_path / "receipts.db") as store:
        store.add(receipt)
        assert store.get("last").request.messages[0].text == odd
        assert store.list(text="pair")[0].question == "half ? a pair ?"


def test_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    tokens = tuple(ReplyToken(1, b"x", logprob) for logprob in (-inf, nan, -70_000.0, 0.0, None))
    receipt = replace(everything(), reply=replace(everything().reply, tokens=tokens))
    text = dumps(to_json(receipt))
    assert '"logprob":"-Infinity"' in text
    again = from_json(json.loads(text)).reply.tokens
    assert again[0] == tokens[0]
    assert again[1].logprob is not None and isnan(again[1].logprob)
    with Store(tmp_path / "receipts.db") as store:
        store.add(receipt)
        kept = [token.logprob for token in store.get("last").reply.tokens]
    assert kept == [-inf, None, -inf, 0.0, None]


@pytest.mark.parametrize("total", [1.5, inf, nan])
def test_one_walk_writes_what_two_do(total: float) -> None:
    receipt = replace(everything(), timings=Timings(total=total))
    assert write(receipt) == dumps(encode(receipt))


def broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(dumps(to_json(everything())))
    change(value)
    return value


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([], "a JSON object, not list"),
        (broken(lambda v: v.update(format=2)), "the format 2; this Pellucid reads 1"),
        (broken(lambda v: v.pop("format")), "the format None"),
        (broken(lambda v: v.pop("id")), "id is missing"),
        (broken(lambda v: v.update(colour="red")), "colour is not a field"),
        (broken(lambda v: v.update(created="now")), "created is 'now'; expected a number"),
        (broken(lambda v: v.update(created=True)), "created is True; expected a number"),
        (broken(lambda v: v.update(window=1.5)), "window is 1.5; expected a whole number"),
        (broken(lambda v: v["reply"].update(finish="done")), "reply.finish is 'done'; expected"),
        (broken(lambda v: v["request"].update(messages={})), "request.messages is {}; expected"),
        (
            broken(lambda v: v["request"]["messages"][0]["parts"][1].update(type="thougt")),
            "request.messages[0].parts[1].type is 'thougt'; expected one of text, refusal",
        ),
        (
            broken(lambda v: v["request"]["messages"][0]["parts"][0].update(type=[])),
            "request.messages[0].parts[0].type is []",
        ),
        (
            broken(lambda v: v["reply"]["tokens"][0].update(piece={"base64": "!"})),
            "reply.tokens[0].piece is not base64",
        ),
        (
            broken(lambda v: v["prompt"]["encoding"]["ids"].append("1")),
            "prompt.encoding.ids[4] is '1'; expected a whole number",
        ),
        (
            broken(lambda v: v["prompt"]["encoding"]["offsets"][0].append(1)),
            "prompt.encoding.offsets[0] is [0, 1, 1]; expected a list of 2",
        ),
        (broken(lambda v: v.update(versions={"a": 1})), "versions.a is 1; expected text"),
    ],
)
def test_what_is_wrong_is_named(value: object, complaint: str) -> None:
    with pytest.raises(StoreError) as error:
        from_json(value)
    assert complaint in str(error.value)


def test_a_default_may_be_left_out() -> None:
    value = broken(lambda v: [v.pop("notes"), v["request"].pop("tools")])
    expected = replace(everything(), notes=(), request=replace(everything().request, tools=()))
    assert from_json(value) == expected


def test_what_json_cannot_say_is_refused(tmp_path: Path) -> None:
    receipt = replace(everything(), settings={"made by": object()})
    with Store(tmp_path / "receipts.db") as store:
        with pytest.raises(StoreError, match="JSON has no object"):
            store.add(receipt)
        assert store.list() == ()


ENUMERATED = {"role", "roles", "kind", "finish", "known", "type", "format", "effort"}


def naughty(value: Any, text: str) -> Any:
    """`value` with `text` in place of every text in it, keys of free mappings included."""
    if isinstance(value, str):
        return text
    if isinstance(value, list):
        return [naughty(item, text) for item in value]
    if isinstance(value, dict):
        if "base64" in value:
            return text
        out = {k: v if k in ENUMERATED else naughty(v, text) for k, v in value.items()}
        for free in ("settings", "versions", "parameters", "schema", "sent_headers"):
            if free in out:
                out[free] = {text: text}
        return out
    return value


def test_515_naughty_strings_in_every_text_field(tmp_path: Path) -> None:
    assert len(NAUGHTY) == 515
    plain = to_json(everything())
    receipts = [
        from_json(naughty(plain, text) | {"id": f"{number:03} {text}"})
        for number, text in enumerate(NAUGHTY)
    ]
    lines = "".join(dumps(to_json(receipt)) + "\n" for receipt in receipts)
    first, second = io.StringIO(), io.StringIO()
    with Store(tmp_path / "one.db") as store:
        # In one transaction; one by one the disk would be waited for 515 times.
        assert store.import_(io.StringIO(lines)) == Imported(added=515, skipped=0)
        for receipt in receipts:
            assert store.get(receipt.id) == receipt
            found = {summary.id for summary in store.list(None, text=receipt.app)}
            assert receipt.id in found or not any(c.isalnum() for c in receipt.app)
        assert store.export(first) == 515
    with Store(tmp_path / "two.db") as store:
        store.import_(io.StringIO(first.getvalue()))
        store.export(second)
        assert store.verify() == ()
    assert lines == first.getvalue() == second.getvalue()


def lines_of(count: int) -> list[str]:
    return [dumps(to_json(r)) for r in stored_receipts.conversation(2, count, 10)]


def test_a_file_in_utf8_goes_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    with Store(tmp_path / "one.db") as one, path.open("w", encoding="utf-8") as out:
        one.add(sample_receipts.hostile())
        one.add(replace(everything(), id="another"))
        one.export(out)
    with Store(tmp_path / "two.db") as two, path.open(encoding="utf-8") as back:
        two.import_(back)
        again = io.StringIO()
        two.export(again)
    assert again.getvalue().encode() == path.read_bytes()


def test_known_receipts_are_skipped_and_counted(tmp_path: Path) -> None:
    lines = lines_of(3)
    with Store(tmp_path / "receipts.db") as store:
        assert store.import_(io.StringIO("\n".join(lines[:2]))).added == 2
        result = store.import_(io.StringIO("\n\n".join([*lines, lines[2]])))
        assert (result.added, result.skipped) == (1, 3)
        assert len(store.list()) == 3


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        '"text"',
        "[" * 100_000,
        "{" * 5 + "9" * 5000,
        '{"format": 1}',
        dumps(to_json(everything())).replace('"fresh":1', f'"fresh":{10**30}'),
        dumps(to_json(everything())).replace('"created":1763772372.25', '"created":"NaN"'),
        dumps(to_json(everything())).replace('"ids":[1,2,3,4]', '"ids":[1,2,3]'),
        dumps(to_json(everything())).replace('"a model"', '"\\ud800"'),
    ],
    ids=lambda bad: bad[:12],
)
def test_an_invalid_line_is_named_and_nothing_imported(bad: str, tmp_path: Path) -> None:
    lines = lines_of(2)
    with Store(tmp_path / "receipts.db") as store:
        with pytest.raises(StoreError) as error:
            store.import_(io.StringIO("\n".join([lines[0], bad, lines[1], bad])))
        assert "Nothing was imported" in str(error.value)
        assert "\n  line 2: " in str(error.value)
        assert "\n  line 4: " in str(error.value)
        assert store.list() == ()
        assert store.import_(io.StringIO("\n".join(lines))).added == 2


def test_of_many_invalid_lines_some_are_named(tmp_path: Path) -> None:
    with Store(tmp_path / "receipts.db") as store:
        with pytest.raises(StoreError) as error:
            store.import_(io.StringIO("{\n" * 25))
        assert str(error.value).count("\n  line ") == 10
        assert "and 15 more" in str(error.value)

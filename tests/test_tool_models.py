"""Tools on the embedded model: what it is told, what its replies are held to, and real calls."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gbnf import accepts
from pellucid.chat import Chat
from pellucid.messages import (
    Message,
    Options,
    Request,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
    text_message,
)
from pellucid.models import constraints, steering
from pellucid.models.call_formats import COMMAND_R, HERMES, JSON, LLAMA, MISTRAL, CallFormat
from pellucid.models.local import LIKELY, LocalModel
from pellucid.models.names import open_model
from pellucid.models.told import described, in_words
from pellucid.models.tool_calls import CallScanner
from pellucid.prompt.values import Prompt
from pellucid.record.receipt import Receipt
from pellucid.replies import Finish, Reply, TextDelta, Usage, collect
from pellucid.tools.tool import tool
from pellucid.tools.verdict import verdict

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PRICE = ToolSpec("get_price", "The price of a ticket.\nMore.", CITY)
HOURS = ToolSpec("get_hours", "When the shop is open.", {"type": "object", "properties": {}})
CALL = ToolCall("abcdefghi", "get_price", '{"city": "Rome"}')
ASKED = (
    text_message("user", "How much is it to Rome?"),
    Message("assistant", (CALL,)),
    Message("tool", (ToolResult("abcdefghi", "get_price", "512 dollars"),)),
)


@tool
def get_ticket_price(city: str) -> str:
    """The price of a return ticket to a city."""
    return {"london": "799 dollars"}.get(city.lower(), f"No flights to {city}.")


# -- what a reply is held to


@pytest.mark.parametrize("form", [HERMES, LLAMA, MISTRAL, COMMAND_R, JSON])
def test_the_grammar_of_calls_and_the_reader_of_calls_agree(form: CallFormat) -> None:
    grammar = constraints.calls([PRICE, HOURS], form, several=True)["grammar"]
    one = f'{{"{form.name}": "get_price", "{form.arguments}": {{"city": "Rome"}}}}'
    two = f'{{"{form.name}": "get_hours", "{form.arguments}": {{}}}}'
    calls = [one, two] if form.several else [one]
    around = [f"{form.before}{call}{form.after}" for call in calls]
    text = form.opening + form.between.join(around) + form.closing
    assert accepts(grammar, text)
    assert not accepts(grammar, text.replace("city", "town"))
    assert not accepts(grammar, text.replace("get_price", "get_prices"))
    assert not accepts(grammar, f"Sure. {text}")
    scanner = CallScanner(("get_price", "get_hours"), form, 1)
    reply = collect([*scanner.events(TextDelta(text)), *scanner.events(Finish("stop"))])
    assert len(reply.message.parts) == len(calls)


def test_words_do_not_begin_as_a_call_does() -> None:
    grammar = constraints.WORDS["grammar"]
    assert accepts(grammar, 'It costs 5 {not "name"} dollars.\n')
    for text in ('{"name": 1}', "<tool_call>", "```json", "", "\n{", "[TOOL_CALLS]"):
        assert not accepts(grammar, text)


# -- what the model is told


def test_results_are_told_in_words_and_keep_their_origin(home: Path, smol: Path) -> None:
    prompt = _prompt(smol, Request(ASKED, (PRICE,), tool_choice="none"))
    assert "Looked up:\n- get_price(city: Rome): 512 dollars\n\nAnswer in a sentence" in prompt.text
    assert '"arguments"' not in prompt.text
    (result,) = [span for span in prompt.spans if span.origin.message == 2]
    assert prompt.text[result.start : result.end] == "512 dollars"
    assert prompt.label(result.origin) == "tool"
    assert prompt.roles == ("user", "assistant", "tool")


def test_a_template_without_tools_is_told_of_them_as_tools(home: Path, smol: Path) -> None:
    system = text_message("system", "Be brief.")
    for messages in (ASKED[:1], (system, *ASKED[:1])):
        prompt = _prompt(smol, Request(messages, (PRICE, HOURS)))
        shown = {
            span.origin.tool: prompt.text[span.start : span.end]
            for span in prompt.spans
            if span.origin.kind == "tool"
        }
        assert [json.loads(shown[t])["name"] for t in (0, 1)] == ["get_price", "get_hours"]
        assert prompt.counts()["tools"] > 0
        assert not any("no place for tools" in note for note in prompt.notes)


def test_words_after_a_call_and_a_failed_result_are_kept_apart() -> None:
    said = Message("assistant", (Text("One moment."), CALL))
    failed = Message("tool", (ToolResult("abcdefghi", "get_price", "no route", failed=True),))
    told = in_words(Request((ASKED[0], said, failed), (PRICE,)))
    assert [message.role for message in told.request.messages] == ["user", "assistant", "user"]
    assert told.request.messages[1].text == "One moment."
    assert "Looked up:\n- get_price(city: Rome) failed: no route" in told.request.messages[2].text
    assert described(Request((), (PRICE,))).request.messages == ()


def _prompt(path: Path, request: Request) -> Prompt:
    model = open_model(str(path))
    assert isinstance(model, LocalModel)
    return model.prepare(request)


# -- whether a tool is needed


def test_the_question_shows_tools_and_what_was_called_before() -> None:
    request = Request((*ASKED, text_message("user", "and to\nOslo?")), (PRICE, HOURS))
    text = steering.question(request) or ""
    assert "- get_price: The price of a ticket.\n- get_hours: When" in text
    assert text.endswith(
        "message: How much is it to Rome?\nfunction: get_price\nmessage: and to Oslo?\nfunction:"
    )
    assert steering.question(Request(ASKED, (PRICE,))) is None
    long = text_message("user", "x" * 100_000)
    assert len(steering.question(Request((long,), (PRICE,))) or "") < 5_000


def test_the_need_is_the_share_of_the_tools_names() -> None:
    tokens = {" none": -1.0, "none": -9.0, " get": -1.0, " ": -0.1, " the": -0.2}
    assert steering.need(tokens, [PRICE]) == pytest.approx(0.5, abs=0.01)
    assert steering.need({" none": -0.1}, [PRICE]) == 0
    assert steering.need({}, [PRICE]) == 1


def test_an_answer_from_results_is_in_likely_words(home: Path, qwen: Path) -> None:
    """Nothing is asked of the model for that."""
    model = open_model(str(qwen))
    assert isinstance(model, LocalModel)
    for given, held in ((None, LIKELY), (0.05, LIKELY), (0.5, 0.5)):
        request = Request(ASKED, (PRICE,), Options(0.7, min_p=given))
        settled, notes = model.steer(request)
        assert settled == replace(request, tool_choice="none", options=Options(0.7, min_p=held))
        assert "min_p" in notes[0]


# -- what went wrong


@pytest.mark.parametrize(
    "parts,sent,kind",
    [
        ((CALL,), ASKED[:1], "well called"),
        ((CALL,), ASKED, "needless call"),
        ((replace(CALL, name="fly"),), ASKED[:1], "unknown tool"),
        ((replace(CALL, arguments='{"town": 1}'),), ASKED[:1], "wrong argument"),
        ((replace(CALL, arguments='{"city": '),), ASKED[:1], "bad JSON"),
        ((Text("Hello."),), ASKED[:1], "answered in words"),
        ((Text('So: {"name": "get_price", "arguments": {}}'),), ASKED[:1], "call in text"),
        ((Text('{"name": "fly", "arguments": {}}'),), ASKED[:1], "unknown tool"),
        ((Text('{"name": "get_price", "arguments": {'),), ASKED[:1], "bad JSON"),
        ((Text("<tool_call>\nget_price"),), ASKED[:1], "bad JSON"),
        ((Text("It costs $512."),), ASKED, "used the result"),
        ((Text("I cannot know that."),), ASKED, "ignored result"),
    ],
)
def test_a_receipt_says_what_went_wrong(
    parts: tuple[Text | ToolCall, ...], sent: tuple[Message, ...], kind: str
) -> None:
    reply = Reply(Message("assistant", parts), "stop", Usage())
    receipt = Receipt("1", 0.0, "m", "c", Request(sent, (PRICE,)), None, reply)
    found = verdict(receipt)
    assert found is not None
    assert found.kind == kind
    assert found.fine == (not found.detail)
    assert verdict(replace(receipt, request=Request(sent))) is None


def test_a_template_that_has_no_place_for_tools_is_named() -> None:
    reply = Reply(text_message("assistant", "Hello."), "stop", Usage())
    note = "The template has no place for tools: the model is not told of them."
    request = Request(ASKED[:1], (PRICE,))
    found = verdict(Receipt("1", 0.0, "m", "c", request, None, reply, notes=(note,)))
    assert found is not None
    assert found.kind == "template has no tools"


# -- the embedded model, for real


def test_a_greeting_calls_nothing_and_a_question_is_answered_with_the_fact(
    embedded: LocalModel, full: bool
) -> None:
    if not full:
        pytest.skip("asks the embedded model for half a minute: pytest --full")
    options = Options(temperature=0, seed=1, max_tokens=40)
    chat = Chat(embedded, tools=[get_ticket_price], options=options, store=None)
    chat.say("Hello")
    reply = chat.say("How much is a ticket to London?")
    greeted, called, answered = chat.receipts
    assert greeted.request.tool_choice == "none"
    assert any("needs a tool" in note for note in greeted.notes)
    (call,) = called.reply.message.parts
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == {"city": "London"}
    assert called.reply.finish == "tool_calls"
    assert "799" in reply.text
    assert answered.request.tool_choice == "none"
    assert answered.request.options.min_p == LIKELY
    kinds = [found.kind for each in chat.receipts if (found := verdict(each))]
    assert kinds == ["answered in words", "well called", "used the result"]
    # The ids of the call, as the template writes it the next time, are those that were produced.
    again = embedded.prepare(replace(answered.request, tool_choice="auto"))
    assert again.replayed >= len(called.reply.message.produced.ids)  # type: ignore[union-attr]


@pytest.mark.parametrize("choice", ["required", "get_ticket_price", "none"])
def test_the_choice_of_tools_is_kept(embedded: LocalModel, choice: str) -> None:
    options = embedded.settle(Options(temperature=0, seed=1, max_tokens=25))
    request = Request(
        (text_message("user", "Hello"),), (get_ticket_price.spec,), options, tool_choice=choice
    )
    reply = collect(embedded.stream(request, None))
    calls = [part.name for part in reply.message.parts if isinstance(part, ToolCall)]
    assert calls == ([] if choice == "none" else ["get_ticket_price"])


def test_without_steering_a_call_once_begun_is_held_to_its_schema(
    embedded: LocalModel,
) -> None:
    options = embedded.settle(Options(temperature=0, seed=1, max_tokens=40))
    question = text_message("user", "How much is a ticket to London?")
    request = Request((question,), (get_ticket_price.spec,), options)
    reply = collect(embedded.stream(request, None))
    (call,) = reply.message.parts
    assert isinstance(call, ToolCall)
    assert get_ticket_price.arguments(call.arguments) == {"city": "London"}

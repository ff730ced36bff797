"""Functions as tools, and conversations that call them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel

import pellucid
from pellucid.chat import Chat
from pellucid.errors import BadArguments, Unreachable, UsageError
from pellucid.messages import Message, Text, ToolCall, ToolResult
from pellucid.models.scripted import Scripted
from pellucid.tools.running import LONGEST, Limits, Toolbox, ToolRan, cancelled
from pellucid.tools.tool import Tool, tool
from work import SOON


class Class(Enum):
    ECONOMY = "economy"
    FIRST = "first"


@dataclass
class Passenger:
    name: str
    age: int = 30


class Bags(BaseModel):
    count: int


@tool
def price(city: str, seats: int | None = None, kind: Class = Class.ECONOMY) -> float:
    """The price of a return ticket.

    In euros.

    Args:
        city: where to, for instance London
        seats: how many
    """
    return 799.0 if city == "London" else 499.0


@tool(acts=True)
def book(city: str, passenger: Passenger, bags: Bags | None = None) -> str:
    """Book a flight.

    :param city: where to
    """
    return f"{passenger.name}, {passenger.age}, to {city}"


@tool(name="look-up", parallel=True)
async def look_up(word: str, source: Literal["a", "b"] = "a") -> dict[str, str]:
    """Look a word up.

    Parameters
    ----------
    word : str
        what to look for
    """
    await asyncio.sleep(0)
    return {word: source}


def call(name: str, id: str = "a1", **arguments: Any) -> ToolCall:
    return ToolCall(id, name, json.dumps(arguments))


def results(box: Toolbox, *calls: ToolCall) -> list[tuple[str, bool]]:
    return [(each.result.text, each.result.failed) for each in box.run(calls)]


# -- a function as a tool


def test_name_description_and_schema_come_from_the_function() -> None:
    assert price.spec.description == "The price of a return ticket.\n\nIn euros."
    parameters = price.spec.parameters
    assert parameters["required"] == ["city"] and parameters["type"] == "object"
    assert parameters["properties"]["city"] == {
        "type": "string",
        "description": "where to, for instance London",
    }
    assert parameters["$defs"]["Class"]["enum"] == ["economy", "first"]
    assert "title" not in json.dumps(parameters)
    assert price("London") == 799.0  # still a function


@pytest.mark.parametrize(
    ("made", "name", "words"),
    [(book, "city", "where to"), (look_up, "word", "what to look for")],
)
def test_every_style_of_docstring_is_read(made: Tool, name: str, words: str) -> None:
    assert made.spec.parameters["properties"][name]["description"] == words


def test_arguments_are_converted_to_the_types_of_the_function() -> None:
    text = '{"city": "Rome", "passenger": {"name": "Ada"}, "bags": {"count": 2}}'
    assert book.arguments(text) == {
        "city": "Rome",
        "passenger": Passenger("Ada"),
        "bags": Bags(count=2),
    }
    assert price.arguments('{"city": "Rome", "kind": "first"}')["kind"] is Class.FIRST


def test_a_parameter_may_have_any_name(recwarn: pytest.WarningsRecorder) -> None:
    def names(json: str, _id: int, model_config: str = "a", model_fields_set: int = 2) -> str:
        return f"{json} {_id} {model_config} {model_fields_set}"

    made = Tool(names)
    assert made.spec.parameters["required"] == ["json", "_id"]
    assert set(made.spec.parameters["properties"]) >= {"model_config", "model_fields_set"}
    asked = call("names", json="x", _id="1", model_fields_set=3)
    assert results(Toolbox([made]), asked) == [("x 1 a 3", False)]
    with pytest.raises(BadArguments, match="do not fit: _id: Field required"):
        made.arguments('{"json": "x"}')
    assert not recwarn.list


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"city": 5}', "city: Input should be a valid string"),
        ("{}", "city: Field required"),
        ('{"city": "Rome", "colour": "red"}', "colour: Extra inputs"),
        ('{"city": "Rome", "kind": "second"}', "'economy' or 'first'"),
        ("[1]", "an object"),
        ('{"city": "Ro', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_arguments_that_do_not_fit_are_named(text: str, said: str) -> None:
    with pytest.raises(BadArguments, match=said):
        price.arguments(text)


def untyped(city) -> str:  # type: ignore[no-untyped-def]
    return str(city)


def starred(*cities: str) -> str:
    return ""


def odd(lock: threading.Lock) -> str:
    return ""


def placed(city: str, /) -> str:
    return city


def forward(city: Town) -> str:  # type: ignore[name-defined]  # noqa: F821
    return ""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (untyped, "'city' of the tool untyped has no type"),
        (starred, "cities"),
        (odd, "no JSON"),
        (placed, "placed takes city by its place"),
        (forward, "forward cannot be a tool: name 'Town' is not defined. A tool is a function"),
        (max, "max cannot be a tool: no signature"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused(
    function: Callable[..., Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        tool(function)


def test_a_name_that_no_provider_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="no name of a tool"):
        tool(name="a b")(lambda: None)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="Two tools are called 'price'"):
        Toolbox([price, price])


# -- carrying calls out


def test_results_are_matched_by_id_and_failures_are_sentences() -> None:
    @tool
    def broken(x: int) -> float:
        """Divide."""
        return 1 / x

    ran = list(
        Toolbox([price, broken]).run([call("price", "a", city="London"), call("broken", "b", x=0)])
    )
    assert [(r.result.id, r.result.text, r.result.failed) for r in ran] == [
        ("a", "799.0", False),
        ("b", "broken failed: ZeroDivisionError: division by zero", True),
    ]
    unknown = results(Toolbox([price]), call("prices", city="x"), call("price", town="x"))
    assert "There are: price." in unknown[0][0] and "Field required" in unknown[1][0]


def test_acting_tools_ask_and_without_anybody_to_ask_are_refused() -> None:
    asked: list[tuple[str, Any]] = []
    booking = call("book", city="Rome", passenger={"name": "Ada"})

    def approve(tool: Tool, arguments: Any) -> bool:
        asked.append((tool.name, arguments["city"]))
        return False

    assert results(Toolbox([book], approve=approve), booking) == [
        ("book was not run: the user did not approve it.", True)
    ]
    assert asked == [("book", "Rome")]
    assert results(Toolbox([book]), booking)[0][1]
    assert results(Toolbox([book], allow=["book"]), booking) == [("Ada, 30, to Rome", False)]
    with pytest.raises(UsageError, match="no tool called 'bok'"):
        Toolbox([book], allow=["bok"])


def test_calls_run_at_the_same_time_where_their_tools_say_so() -> None:
    together = threading.Barrier(4, timeout=30)

    @tool(parallel=True)
    def wait(word: str) -> str:
        """Waits for three others."""
        together.wait()
        return word

    calls = [call("wait", str(i), word=str(i)) for i in range(4)]
    assert results(Toolbox([wait]), *calls) == [(str(i), False) for i in range(4)]


def test_a_tool_that_hangs_is_left_and_told() -> None:
    told = threading.Event()

    @tool(seconds=0.1)
    def hang() -> str:
        """Wait."""
        if cancelled.get().wait(60):
            told.set()
        return ""

    assert results(Toolbox([hang]), call("hang")) == [
        ("hang was stopped: it takes more than 0.1 s.", True)
    ]
    assert told.wait(SOON)


def test_cancelling_a_turn_reaches_the_tool() -> None:
    began, ended = threading.Event(), threading.Event()

    @tool
    async def endless() -> str:
        """Wait."""
        began.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return ""

    async def talk() -> None:
        chat = Chat(Scripted([calling(call("endless")), "Never."]), store=None, tools=[endless])
        async for _ in chat.stream("Wait."):
            pass

    async def main() -> None:
        talking = asyncio.create_task(talk())
        await asyncio.to_thread(began.wait, SOON)
        talking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talking

    asyncio.run(main())
    assert ended.wait(SOON)


def test_megabytes_are_cut_and_what_is_no_json_is_said() -> None:
    @tool
    def much() -> str:
        """Much."""
        return "x" * 5_000_000

    @tool
    def odd() -> object:
        """Odd."""
        return threading.Lock()

    @tool
    def mean() -> list[float]:
        """Of nothing."""
        return [math.nan, math.inf]

    found = results(Toolbox([much, odd, mean]), call("much"), call("odd"), call("mean"))
    assert len(found[0][0]) < LONGEST + 100 and "5,000,000 characters in all" in found[0][0]
    assert found[1][1] and "no JSON" in found[1][0]
    assert found[2][1] and "no JSON can say: Out of range" in found[2][0]


# -- conversations


def calling(*calls: ToolCall) -> Message:
    return Message("assistant", calls)


def test_a_turn_calls_tools_until_there_is_an_answer() -> None:
    model = Scripted(
        [calling(call("price", city="London"), call("price", "a2", city="Rome")), "799 and 499."]
    )
    chat = Chat(model, store=None)
    turn = chat.stream("How much?", tools=[price])
    ran = [event for event in turn.events() if isinstance(event, ToolRan)]
    assert [r.result.text for r in ran] == ["799.0", "499.0"]
    assert turn.reply.text == "799 and 499." and len(chat.receipts) == 2
    assert [message.role for message in chat.messages] == ["user", "assistant", "tool", "assistant"]
    assert chat.receipts[1].parent == chat.receipts[0].id
    assert chat.receipts[1].replayed_messages == 2
    assert chat.receipts[0].request.tools == (price.spec,)
    assert str(Chat(Scripted(["Hi"]), store=None).say("Hello")) == "Hi"


def test_the_same_calls_with_the_same_results_end_the_loop() -> None:
    model = Scripted([*[calling(call("price", city="London"))] * 2, "799."])
    chat = Chat(model, store=None, tools=[price])
    assert chat.say("How much?").text == "799."
    assert [r.tool_choice for r in model.requests] == ["auto", "auto", "none"]


def test_every_call_has_a_result_also_where_the_turn_was_cut_short() -> None:
    @tool
    def interrupted() -> str:
        """Ctrl-C while it runs."""
        return ""

    def approve(tool: Tool, arguments: Any) -> bool:
        raise KeyboardInterrupt

    asking = Tool(interrupted.function, name="interrupted", acts=True)
    both = calling(call("price", "a", city="Rome"), call("interrupted", "b"))
    model = Scripted([both, "Sorry."])
    chat = Chat(model, store=None, tools=Toolbox([price, asking], approve=approve))
    with pytest.raises(KeyboardInterrupt):
        chat.say("How much?")
    assert chat.say("And now?").text == "Sorry."
    sent = model.requests[1].messages
    assert [message.role for message in sent] == ["user", "assistant", "tool", "user"]
    assert [(part.id, part.text) for part in sent[2].parts if isinstance(part, ToolResult)] == [
        ("a", "499.0"),
        ("b", "interrupted was stopped."),
    ]


CUT = ToolCall("a1", "price", '{"city": "Lo')


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((calling(CUT), UsageError("gone")), "price was not run: the reply broke off."),
        (calling(CUT), "The arguments of price are not JSON: Unterminated string"),
    ],
)
def test_a_call_that_was_cut_leaves_a_history_that_every_host_takes(reply: Any, words: str) -> None:
    """The receipt has what was written; Anthropic and Gemini take arguments as objects alone."""
    model = Scripted([reply, "Sorry.", "Once more."])
    chat = Chat(model, store=None, tools=[price])
    with contextlib.suppress(UsageError):
        chat.say("How much?")
    chat.say("And now?")
    assert chat.receipts[0].reply.message.parts == (CUT,)
    (sent,) = (p for m in model.requests[-1].messages for p in m.parts if isinstance(p, ToolCall))
    (told,) = (p for m in model.requests[-1].messages for p in m.parts if isinstance(p, ToolResult))
    assert sent.arguments == "{}" and told.id == sent.id
    assert told.failed and told.text.startswith(words)


def test_a_conversation_that_ended_in_a_call_can_be_gone_on_with() -> None:
    model = Scripted([calling(call("price", city="Rome")), "Hello."])
    chat = Chat(model, store=None)
    chat.say("How much?")  # nobody offered a tool, and the host has it called
    assert chat.messages[-1].text == "price was not run: no tools are offered any more."
    resumed = Chat(model, store=None)
    resumed.resume(chat.receipts[0])
    assert resumed.messages[-1].text == "price was not run: the conversation ended before."
    assert Chat(model, store=None, history=chat.messages[:2]).messages == resumed.messages
    resumed.say("Well?")
    roles = [message.role for message in model.requests[-1].messages]
    assert roles == ["user", "assistant", "tool", "user"]


def test_what_tools_did_is_known_also_where_the_next_call_fails() -> None:
    model = Scripted([calling(call("price", city="Rome")), Unreachable("gone"), "499."])
    chat = Chat(model, store=None, tools=[price])
    with pytest.raises(Unreachable):
        chat.say("How much?")
    resumed = Chat(model, store=None, tools=[price])
    resumed.resume(chat.receipts[-1])
    assert resumed.messages == chat.messages
    chat.say("Well?")
    assert [m.role for m in model.requests[-1].messages] == ["user", "assistant", "tool", "user"]


def test_rounds_are_bounded_and_the_last_must_be_words() -> None:
    answers: Iterator[int] = iter(range(100))

    @tool
    def count() -> int:
        """Count."""
        return next(answers)

    model = Scripted([calling(call("count"))] * 20)
    chat = Chat(model, store=None, tools=[count])
    chat.say("Count.")
    assert len(model.requests) == 9 and model.requests[-1].tool_choice == "none"
    (left,) = chat.messages[-1].parts
    assert left == ToolResult(
        "a1", "count", "count was not run: an answer in words was asked for.", True
    )


def test_the_time_of_a_turn_is_bounded() -> None:
    ran = list(Toolbox([price]).run([call("price", city="London")]))
    assert Limits().allow(ran) and not Limits(seconds=0).allow(ran)


def test_undo_takes_the_whole_turn_back() -> None:
    model = Scripted(["Hi", calling(call("price", city="Rome")), "499."])
    chat = Chat(model, store=None, tools=[price])
    chat.say("Hello")
    chat.say("How much?")
    undone = chat.undo()
    assert undone is not None and undone.text == "How much?"
    assert [message.role for message in chat.messages] == ["user", "assistant"]


def test_the_names_are_there_for_everybody() -> None:
    assert pellucid.tool is tool and isinstance(price, pellucid.Tool)


def test_a_scripted_reply_may_break_off_inside_a_call() -> None:
    fault = UsageError("gone")
    chat = Chat(Scripted([(Message("assistant", (Text("So"), call("price"))), fault)]), store=None)
    with pytest.raises(UsageError, match="gone"):
        chat.say("Hi", tools=[price])
    assert chat.receipts[0].reply.finish == "error"

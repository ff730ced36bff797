"""What the official `anthropic` client makes of our Messages API, and we of llama.cpp's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from dialect_server import DialectServer, check_errors
from pellucid.dialects import anthropic as messages
from pellucid.dialects.base import Failure
from pellucid.messages import (
    Message,
    Options,
    Request,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    text_message,
)
from pellucid.replies import (
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from wire_server import Answer, as_json, serving

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {"name": "get_weather", "description": "Looks out.", "input_schema": WEATHER}
USAGE = UsageEvent(Usage(5, 7, 2, 11, 3))
ASKED: Any = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[DialectServer, anthropic.Anthropic]]:
    server = DialectServer(messages, "/v1/messages")

    def handle(path: str, body: dict[str, Any]) -> Answer:
        if path == f"/v1/{messages.COUNT_PATH}":
            server.read = messages.decode_request(body, path)
            return as_json(messages.encode_count(31))
        return server.handle(path, body)

    with (
        serving(handle) as address,
        anthropic.Anthropic(base_url=address, api_key="none", max_retries=0) as client,
    ):
        yield server, client


@pytest.fixture
def server(served: tuple[DialectServer, anthropic.Anthropic]) -> DialectServer:
    served[0].events, served[0].failure = (), None
    return served[0]


@pytest.fixture
def client(
    served: tuple[DialectServer, anthropic.Anthropic], server: DialectServer
) -> anthropic.Anthropic:
    return served[1]


def test_a_whole_reply(server: DialectServer, client: anthropic.Anthropic) -> None:
    server.events = [TextDelta("Héllo 🎈"), USAGE, Finish("stop_string", detail="END")]
    reply = client.messages.create(**ASKED, system="Be brief.", stop_sequences=["END"])
    assert isinstance(reply.content[0], anthropic.types.TextBlock)
    assert reply.content[0].text == "Héllo 🎈"
    assert (reply.stop_reason, reply.stop_sequence) == ("stop_sequence", "END")
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens) == (5, 14)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (7, 2)
    asked = (text_message("system", "Be brief."), text_message("user", "Hi"))
    assert server.request == Request(asked, options=Options(max_tokens=99, stop=("END",)))


def test_a_stream(server: DialectServer, client: anthropic.Anthropic) -> None:
    server.events = [*map(TextDelta, ("Hé", "llo", " 🎈")), USAGE, Finish("length")]
    with client.messages.stream(**ASKED) as stream:
        assert list(stream.text_stream) == ["Hé", "llo", " 🎈"]
        reply = stream.get_final_message()
    assert reply.stop_reason == "max_tokens"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (5, 14)
    assert reply.usage.cache_read_input_tokens == 7


def test_calls_streamed_and_answered(server: DialectServer, client: anthropic.Anthropic) -> None:
    server.events = [
        TextDelta("Let me look."),
        ToolCallDelta(0, "a", "get_weather"),
        ToolCallDelta(1, "b", "get_weather", '{"city":'),
        ToolCallDelta(0, arguments='{"city":"Paris"}'),
        ToolCallDelta(1, arguments='"Rome"}'),
        USAGE,
        Finish("tool_calls"),
    ]
    with client.messages.stream(**ASKED, tools=[TOOL]) as stream:
        reply = stream.get_final_message()
    uses = [block for block in reply.content if block.type == "tool_use"]
    assert [(use.id, use.input) for use in uses] == [
        ("a", {"city": "Paris"}),
        ("b", {"city": "Rome"}),
    ]
    results: Any = [
        {"type": "tool_result", "tool_use_id": "a", "content": "21 degrees"},
        {"type": "tool_result", "tool_use_id": "b", "content": "lost", "is_error": True},
    ]
    client.messages.create(
        model="m",
        max_tokens=99,
        messages=[
            *ASKED["messages"],
            {"role": "assistant", "content": reply.content},
            {"role": "user", "content": results},
        ],
        tools=[TOOL],
        tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
    )
    request = server.request
    assert request.messages[1].parts == (
        Text("Let me look."),
        ToolCall("a", "get_weather", '{"city": "Paris"}'),
        ToolCall("b", "get_weather", '{"city": "Rome"}'),
    )
    assert request.messages[2] == Message(
        "tool",
        (
            ToolResult("a", "get_weather", "21 degrees"),
            ToolResult("b", "get_weather", "lost", failed=True),
        ),
    )
    assert request.tools == (ToolSpec("get_weather", "Looks out.", WEATHER),)
    assert (request.tool_choice, request.parallel_tools) == ("get_weather", False)


def test_every_event_is_as_the_client_types_it(
    server: DialectServer, client: anthropic.Anthropic
) -> None:
    """The client builds its values without a check; here they are checked."""
    from anthropic.types import RawMessageStreamEvent
    from pydantic import TypeAdapter

    server.events = [
        ThinkingDelta("Hm.", Signature("anthropic", "sealed")),
        ThinkingDelta("", Signature("anthropic", "hidden"), redacted=True),
        TextDelta("Hi"),
        ToolCallDelta(0, "a", "f", "{}"),
        USAGE,
        Finish("tool_calls"),
    ]
    adapter: TypeAdapter[object] = TypeAdapter(RawMessageStreamEvent)
    for event in client.messages.create(**ASKED, stream=True):
        adapter.validate_python(event.model_dump())


@pytest.mark.parametrize("streamed", [True, False])
def test_thinking_and_its_signature(
    server: DialectServer, client: anthropic.Anthropic, streamed: bool
) -> None:
    server.events = [
        ThinkingDelta("Two and "),
        ThinkingDelta("two."),
        ThinkingDelta("", Signature("anthropic", "sealed")),
        ThinkingDelta("", Signature("anthropic", "hidden"), redacted=True),
        TextDelta("4"),
        USAGE,
        Finish("stop"),
    ]
    asked = {**ASKED, "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    if streamed:
        with client.messages.stream(**asked) as stream:
            reply: Any = stream.get_final_message()
    else:
        reply = client.messages.create(**asked)
    thinking, redacted, text = reply.content
    assert (thinking.thinking, thinking.signature) == ("Two and two.", "sealed")
    assert (redacted.type, redacted.data, text.text) == ("redacted_thinking", "hidden", "4")
    assert server.request.options == Options(max_tokens=99, effort="low")
    client.messages.create(
        **{
            **ASKED,
            "messages": [*ASKED["messages"], {"role": "assistant", "content": reply.content}],
        }
    )
    assert server.request.messages[1].parts == (
        Thinking("Two and two.", Signature("anthropic", "sealed")),
        Thinking("", Signature("anthropic", "hidden"), redacted=True),
        Text("4"),
    )


def test_structured_output(server: DialectServer, client: anthropic.Anthropic) -> None:
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str
        age: int

    server.events = [TextDelta('{"name": "Ada", '), TextDelta('"age": 36}'), Finish("stop")]
    reply = client.messages.parse(**ASKED, output_format=Person)
    assert reply.parsed_output == Person(name="Ada", age=36)
    form = server.request.response_format
    assert form is not None and form.schema is not None
    assert form.schema["required"] == ["name", "age"]


def test_counting(server: DialectServer, client: anthropic.Anthropic) -> None:
    count = client.messages.count_tokens(model="m", messages=ASKED["messages"], tools=[TOOL])
    assert count.input_tokens == 31
    assert [tool.name for tool in server.request.tools] == ["get_weather"]


def test_errors_are_the_clients_own(server: DialectServer, client: anthropic.Anthropic) -> None:
    check_errors(server, anthropic, lambda: client.messages.create(**ASKED))
    with pytest.raises(anthropic.BadRequestError, match="temperature is -1"):
        client.messages.create(**ASKED, extra_body={"temperature": -1})


def test_a_broken_stream_is_an_error_of_the_clients(
    server: DialectServer, client: anthropic.Anthropic
) -> None:
    server.events = [TextDelta("Half a")]
    server.failure = Failure(529, "overloaded", "The engine has no room left.")
    seen: list[str] = []
    with (
        pytest.raises(anthropic.APIError, match="no room left"),
        client.messages.stream(**ASKED) as stream,
    ):
        seen.extend(stream.text_stream)
    assert seen == ["Half a"]

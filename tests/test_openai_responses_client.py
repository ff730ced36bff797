"""What the official `openai` client makes of our Responses API, and we of llama.cpp's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from dialect_server import DialectServer, check_errors
from pellucid.dialects import openai_responses as responses
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
    NO_ID,
    Candidate,
    Finish,
    RefusalDelta,
    ReplyToken,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from wire_server import serving

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL: Any = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
USAGE = UsageEvent(Usage(5, 7, 2, 11, 3))
TOKEN = ReplyToken(NO_ID, b"Hel", -0.5, (Candidate(NO_ID, b"Hel", -0.5), Candidate(5, b"\xe2", -2)))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[DialectServer, openai.OpenAI]]:
    server = DialectServer(responses, "/v1/responses")
    with (
        serving(server.handle) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield server, client


@pytest.fixture
def server(served: tuple[DialectServer, openai.OpenAI]) -> DialectServer:
    served[0].events, served[0].failure = (), None
    return served[0]


@pytest.fixture
def client(served: tuple[DialectServer, openai.OpenAI], server: DialectServer) -> openai.OpenAI:
    return served[1]


def test_a_whole_reply(server: DialectServer, client: openai.OpenAI) -> None:
    server.events = [TextDelta("Héllo 🎈"), USAGE, Finish("length")]
    reply = client.responses.create(
        model="m", instructions="Be brief.", input="Hi", max_output_tokens=99, temperature=0.5
    )
    assert reply.output_text == "Héllo 🎈"
    assert reply.status == "incomplete" and reply.incomplete_details is not None
    assert reply.incomplete_details.reason == "max_output_tokens"
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (14, 14)
    assert reply.usage.input_tokens_details.cached_tokens == 7
    assert reply.usage.output_tokens_details.reasoning_tokens == 3
    asked = (text_message("system", "Be brief."), text_message("user", "Hi"))
    assert server.request == Request(asked, options=Options(max_tokens=99, temperature=0.5))


def test_a_stream(server: DialectServer, client: openai.OpenAI) -> None:
    server.events = [*map(TextDelta, ("Hé", "llo", " 🎈")), USAGE, Finish("stop")]
    with client.responses.create(model="m", input="Hi", stream=True) as events:
        read = list(events)
    assert [event.sequence_number for event in read] == list(range(len(read)))
    assert [event.type for event in read] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 3,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    with client.responses.stream(model="m", input="Hi") as stream:
        texts = [e.delta for e in stream if e.type == "response.output_text.delta"]
        reply = stream.get_final_response()
    assert texts == ["Hé", "llo", " 🎈"]
    assert (reply.output_text, reply.status) == ("Héllo 🎈", "completed")
    assert reply.usage is not None and reply.usage.total_tokens == 28


def test_every_event_is_as_the_client_types_it(
    server: DialectServer, client: openai.OpenAI
) -> None:
    """The client builds its values without a check; here they are checked."""
    from openai.types.responses import ResponseStreamEvent
    from pydantic import TypeAdapter

    server.events = [
        ThinkingDelta("Hm.", Signature("openai-responses", "rs_9:sealed")),
        TextDelta("Hel", (TOKEN,)),
        RefusalDelta("No."),
        ToolCallDelta(0, "a", "f", "{}"),
        USAGE,
        Finish("tool_calls"),
    ]
    adapter: TypeAdapter[object] = TypeAdapter(ResponseStreamEvent)
    with client.responses.create(model="m", input="Hi", stream=True) as events:
        for event in events:
            adapter.validate_python(event.model_dump())


def test_calls_streamed_and_answered(server: DialectServer, client: openai.OpenAI) -> None:
    server.events = [
        TextDelta("Let me look."),
        ToolCallDelta(0, "a", "get_weather"),
        ToolCallDelta(1, "b", "get_weather", '{"city":'),
        ToolCallDelta(0, arguments='{"city":"Paris"}'),
        ToolCallDelta(1, arguments='"Rome"}'),
        USAGE,
        Finish("tool_calls"),
    ]
    with client.responses.stream(model="m", input="Hi", tools=[TOOL]) as stream:
        reply = stream.get_final_response()
    calls = [item for item in reply.output if item.type == "function_call"]
    assert [(call.call_id, call.arguments) for call in calls] == [
        ("a", '{"city":"Paris"}'),
        ("b", '{"city":"Rome"}'),
    ]
    output: Any = [item.to_dict() for item in reply.output]
    client.responses.create(
        model="m",
        input=[
            {"role": "user", "content": "Hi"},
            *output,
            {"type": "function_call_output", "call_id": "a", "output": "21 degrees"},
            {"type": "function_call_output", "call_id": "b", "output": "25 degrees"},
        ],
        tools=[TOOL],
        tool_choice={"type": "function", "name": "get_weather"},
        parallel_tool_calls=False,
    )
    request = server.request
    assert request.messages[1].parts == (
        Text("Let me look."),
        ToolCall("a", "get_weather", '{"city":"Paris"}'),
        ToolCall("b", "get_weather", '{"city":"Rome"}'),
    )
    assert request.messages[2] == Message(
        "tool",
        (
            ToolResult("a", "get_weather", "21 degrees"),
            ToolResult("b", "get_weather", "25 degrees"),
        ),
    )
    assert request.tools == (ToolSpec("get_weather", "", WEATHER, strict=True),)
    assert (request.tool_choice, request.parallel_tools) == ("get_weather", False)


@pytest.mark.parametrize("streamed", [True, False])
def test_reasoning_goes_back_as_it_came(
    server: DialectServer, client: openai.OpenAI, streamed: bool
) -> None:
    server.events = [
        ThinkingDelta("Two and "),
        ThinkingDelta("two."),
        ThinkingDelta("", Signature("openai-responses", "rs_9:sealed")),
        TextDelta("4"),
        USAGE,
        Finish("stop"),
    ]
    asked: Any = {"model": "m", "input": "Hi", "reasoning": {"effort": "low"}}
    if streamed:
        with client.responses.stream(**asked) as stream:
            reply: Any = stream.get_final_response()
    else:
        reply = client.responses.create(**asked)
    assert reply.output[0].summary[0].text == "Two and two."
    assert server.request.options.effort == "low"
    client.responses.create(model="m", input=[item.to_dict() for item in reply.output])
    assert server.request.messages[0].parts == (
        Thinking("Two and two.", Signature("openai-responses", "rs_9:sealed")),
        Text("4"),
    )


def test_structured_output(server: DialectServer, client: openai.OpenAI) -> None:
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str
        age: int

    server.events = [TextDelta('{"name": "Ada", '), TextDelta('"age": 36}'), Finish("stop")]
    reply = client.responses.parse(model="m", input="Hi", text_format=Person)
    assert reply.output_parsed == Person(name="Ada", age=36)
    form = server.request.response_format
    assert form is not None and form.schema is not None
    assert (form.name, form.strict, form.schema["required"]) == ("Person", True, ["name", "age"])


@pytest.mark.parametrize("streamed", [True, False])
def test_logprobs(server: DialectServer, client: openai.OpenAI, streamed: bool) -> None:
    server.events = [TextDelta("Hel", (TOKEN,)), Finish("stop")]
    asked: Any = {"model": "m", "input": "Hi", "top_logprobs": 2}
    if streamed:
        with client.responses.stream(**asked) as stream:
            reply: Any = stream.get_final_response()
    else:
        reply = client.responses.create(**asked)
    (token,) = reply.output[0].content[0].logprobs
    assert (token.token, token.bytes, token.logprob) == ("Hel", [72, 101, 108], -0.5)
    assert server.request.options.alternatives == 2


def test_errors_are_the_clients_own(server: DialectServer, client: openai.OpenAI) -> None:
    check_errors(server, openai, lambda: client.responses.create(model="m", input="Hi"))
    with pytest.raises(openai.BadRequestError, match="send the whole conversation") as bad:
        client.responses.create(model="m", input="Hi", previous_response_id="resp_0")
    assert bad.value.param == "previous_response_id"


def test_a_broken_stream_is_an_error_of_the_clients(
    server: DialectServer, client: openai.OpenAI
) -> None:
    server.events = [TextDelta("Half a")]
    server.failure = Failure(500, "server", "The engine stopped.")
    events = client.responses.create(model="m", input="Hi", stream=True)
    seen: list[Any] = []
    with pytest.raises(openai.APIError, match="The engine stopped"), events:
        seen.extend(events)
    assert [e.delta for e in seen if e.type == "response.output_text.delta"] == ["Half a"]
    assert seen[-1].type == "response.failed"

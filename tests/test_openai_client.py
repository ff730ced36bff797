"""What the official `openai` client makes of our Chat Completions, and we of llama.cpp's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from dialect_server import DialectServer, check_errors
from pellucid.dialects import openai_chat as chat
from pellucid.dialects.base import Failure
from pellucid.messages import (
    Media,
    Options,
    Request,
    Text,
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
TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
USAGE = UsageEvent(Usage(5, 7, 0, 11, 3))
TOKEN = ReplyToken(NO_ID, b"Hel", -0.5, (Candidate(NO_ID, b"Hel", -0.5), Candidate(5, b"\xe2", -2)))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[DialectServer, openai.OpenAI]]:
    server = DialectServer(chat, "/v1/chat/completions")
    with serving(server.handle) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        with client:
            yield server, client


@pytest.fixture
def server(served: tuple[DialectServer, openai.OpenAI]) -> DialectServer:
    served[0].events, served[0].failure = (), None
    return served[0]


@pytest.fixture
def client(served: tuple[DialectServer, openai.OpenAI], server: DialectServer) -> openai.OpenAI:
    return served[1]


HI: Any = [{"role": "user", "content": "Hi"}]


def test_a_whole_reply(server: DialectServer, client: openai.OpenAI) -> None:
    server.events = [ThinkingDelta("Hm."), TextDelta("Héllo 🎈"), USAGE, Finish("stop")]
    reply = client.chat.completions.create(
        model="gpt-4.1-mini", messages=HI, temperature=0.5, max_tokens=9, seed=3, stop="END"
    )
    assert reply.choices[0].message.content == "Héllo 🎈"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.choices[0].message.model_extra == {"reasoning_content": "Hm."}
    assert reply.usage is not None and reply.usage.prompt_tokens_details is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (12, 14)
    assert reply.usage.prompt_tokens_details.cached_tokens == 7
    options = Options(temperature=0.5, max_tokens=9, seed=3, stop=("END",))
    assert server.request == Request((text_message("user", "Hi"),), options=options)


def test_a_stream(server: DialectServer, client: openai.OpenAI) -> None:
    server.events = [*map(TextDelta, ("Hé", "llo", " 🎈")), USAGE, Finish("length")]
    with client.chat.completions.create(
        model="m", messages=HI, stream=True, stream_options={"include_usage": True}
    ) as chunks:
        read = list(chunks)
    texts = [c.choices[0].delta.content for c in read if c.choices]
    assert texts == ["", "Hé", "llo", " 🎈", None]
    assert read[-2].choices[0].finish_reason == "length"
    assert read[-1].usage is not None and read[-1].usage.total_tokens == 26
    with client.chat.completions.create(model="m", messages=HI, stream=True) as chunks:
        assert all(chunk.usage is None for chunk in chunks)


def test_calls_streamed_and_answered(server: DialectServer, client: openai.OpenAI) -> None:
    server.events = [
        ToolCallDelta(0, "call_a", "get_weather"),
        ToolCallDelta(1, "call_b", "get_weather", '{"city":'),
        ToolCallDelta(0, arguments='{"city":"Paris"}'),
        ToolCallDelta(1, arguments='"Rome"}'),
        USAGE,
        Finish("tool_calls"),
    ]
    with client.chat.completions.stream(model="m", messages=HI, tools=[TOOL]) as stream:
        reply = stream.get_final_completion()
    calls = reply.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.arguments for call in calls] == ['{"city":"Paris"}', '{"city":"Rome"}']
    server.events = [TextDelta("Sunny"), Finish("stop")]
    results: Any = [
        {"role": "tool", "tool_call_id": "call_a", "content": "21 degrees"},
        {"role": "tool", "tool_call_id": "call_b", "content": "25 degrees"},
    ]
    answer: Any = reply.choices[0].message
    client.chat.completions.create(
        model="m",
        messages=[*HI, answer, *results],
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        parallel_tool_calls=False,
    )
    request = server.request
    assert request.messages[1].parts == (
        ToolCall("call_a", "get_weather", '{"city":"Paris"}'),
        ToolCall("call_b", "get_weather", '{"city":"Rome"}'),
    )
    assert request.messages[2].parts == (ToolResult("call_a", "get_weather", "21 degrees"),)
    assert request.tools == (ToolSpec("get_weather", "", WEATHER),)
    assert (request.tool_choice, request.parallel_tools) == ("get_weather", False)


def test_structured_output(server: DialectServer, client: openai.OpenAI) -> None:
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str
        age: int

    server.events = [TextDelta('{"name": "Ada", '), TextDelta('"age": 36}'), Finish("stop")]
    reply = client.chat.completions.parse(model="m", messages=HI, response_format=Person)
    assert reply.choices[0].message.parsed == Person(name="Ada", age=36)
    form = server.request.response_format
    assert form is not None and form.schema is not None
    assert (form.name, form.strict, form.schema["required"]) == ("Person", True, ["name", "age"])
    server.events = [RefusalDelta("I can't."), Finish("refusal")]
    reply = client.chat.completions.parse(model="m", messages=HI, response_format=Person)
    assert (reply.choices[0].message.refusal, reply.choices[0].message.parsed) == ("I can't.", None)


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs(server: DialectServer, client: openai.OpenAI, stream: bool) -> None:
    server.events = [TextDelta("Hel", (TOKEN,)), Finish("stop")]
    asked: Any = {"model": "m", "messages": HI, "logprobs": True, "top_logprobs": 2}
    if stream:
        with client.chat.completions.create(**asked, stream=True) as chunks:
            found = [c.choices[0].logprobs for c in chunks if c.choices[0].logprobs]
        logprobs: Any = found[0]
    else:
        logprobs = client.chat.completions.create(**asked).choices[0].logprobs
    (token,) = logprobs.content
    assert (token.token, token.bytes, token.logprob) == ("Hel", [72, 101, 108], -0.5)
    assert token.top_logprobs[1].bytes == [0xE2]
    assert server.request.options.alternatives == 2


def test_pictures(server: DialectServer, client: openai.OpenAI) -> None:
    server.events = [TextDelta("A cat"), Finish("stop")]
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
    ]
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])
    assert server.request.messages[0].parts == (
        Text("What is this?"),
        Media("image", "image/png", b"\x89PN"),
    )


def test_errors_are_the_clients_own(server: DialectServer, client: openai.OpenAI) -> None:
    check_errors(server, openai, lambda: client.chat.completions.create(model="m", messages=HI))
    with pytest.raises(openai.BadRequestError, match="n is 2") as bad:
        client.chat.completions.create(model="m", messages=HI, n=2)
    assert bad.value.param == "n"


def test_a_broken_stream_is_an_error_of_the_clients(
    server: DialectServer, client: openai.OpenAI
) -> None:
    server.events = [TextDelta("Half a")]
    server.failure = Failure(500, "server", "The engine stopped.")
    chunks = client.chat.completions.create(model="m", messages=HI, stream=True)
    seen: list[Any] = []
    with pytest.raises(openai.APIError, match="The engine stopped"), chunks:
        seen.extend(chunk.choices[0] for chunk in chunks)
    assert [choice.delta.content for choice in seen] == ["", "Half a"]
    assert all(choice.finish_reason is None for choice in seen)

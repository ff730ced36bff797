"""Requests of Chat Completions: what is read, refused, noted and written."""

from __future__ import annotations

from typing import Any

import pytest

from pellucid.dialects import openai_chat as chat
from pellucid.errors import BadRequest, CannotExpress
from pellucid.messages import (
    Media,
    Message,
    Options,
    Request,
    ResponseFormat,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    text_message,
)

HI = (text_message("user", "Hi"),)


def incoming(**body: Any) -> Any:
    return chat.decode_request(
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | body
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "x"}]}]},
            "messages[0].content[0].type",
        ),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"n": 2}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"max_tokens": -7}, "max_tokens"),
        ({"top_logprobs": 5}, "top_logprobs"),
        ({"stop": [1]}, "stop[0]"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_bad_requests_name_their_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as error:
        incoming(**body)
    assert error.value.field == field


def test_fields_that_mean_nothing_here_are_noted() -> None:
    read = incoming(user="u", store=True, logit_bias={"5": 1}, seed=-1, max_tokens=-1, n=1)
    assert read.request.options == Options(seed=2**32 - 1)
    for word in ("user", "store", "logit_bias", "seed", "max_tokens"):
        assert any(word in note for note in read.notes), word
    assert incoming(temperature=0.5, stream=True).notes == ()


def test_usage_of_a_stream_is_asked_for() -> None:
    assert incoming().include_usage
    assert not incoming(stream=True).include_usage
    assert incoming(stream=True, stream_options={"include_usage": True}).include_usage


def test_older_functions() -> None:
    spec = {"name": "add", "parameters": {"type": "object"}}
    messages = [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": "{}"}},
        {"role": "function", "name": "add", "content": "2"},
    ]
    read = incoming(messages=messages, functions=[spec], function_call={"name": "add"}).request
    assert read.tools == (ToolSpec("add", "", {"type": "object"}),)
    assert read.tool_choice == "add"
    call, result = read.messages[1].parts[0], read.messages[2].parts[0]
    assert isinstance(call, ToolCall) and isinstance(result, ToolResult)
    assert (result.id, result.name, result.text) == (call.id, "add", "2")


def test_allowed_tools() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b")]
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}
    read = incoming(tools=tools, tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool.name for tool in read.request.tools] == ["b"]
    assert read.request.tool_choice == "required"


def test_parts_of_a_users_message() -> None:
    content = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBE"}},
    ]
    read = incoming(messages=[{"role": "user", "content": content}])
    assert read.request.messages[0].parts == (
        Text("Look:"),
        Media("image", "image/png", b"\x89PN" if False else read.request.messages[0].parts[1].data),
        Media("image", "", url="https://example.org/a.png"),
        Media("audio", "audio/wav", b"RIF"),
        Media("file", "application/pdf", b"%PD", name="a.pdf"),
    )
    assert any("detail" in note for note in read.notes)


def test_what_cannot_be_said_is_an_error_before_sending() -> None:
    pdf = Media("file", "application/pdf", url="https://example.org/a.pdf")
    sound = Media("audio", "audio/ogg", b"OggS")
    picture = Media("image", "image/png", b"x")
    told = (Message("tool", (ToolResult("1", "f", "", media=(picture,)),)),)
    for request, field in (
        (Request((Message("user", (pdf,)),)), "the address of a file"),
        (Request((Message("user", (sound,)),)), "audio/ogg"),
        (Request((Message("assistant", (picture,)),)), "an image in a message of the assistant's"),
        (Request(told), "an image in a tool's result"),
        (Request(HI, options=Options(stop=("a", "b", "c", "d", "e"))), "stop"),
        (Request(HI, tool_choice="required"), "tool_choice"),
        (Request(HI, generation_prompt=False), "continued"),
    ):
        with pytest.raises(CannotExpress) as error:
            chat.encode_request(request, "m", stream=False)
        assert field in error.value.field


def test_traits_of_hosts() -> None:
    thought = Message("assistant", (Thinking("Hm."), Text("Hello")))
    request = Request(
        (*HI, thought, *HI), options=Options(top_k=5, max_tokens=9, stop=tuple("abcde"))
    )
    traits = frozenset(chat.TRAITS)
    out = chat.encode_request(request, "m", stream=True, traits=traits)
    assert out.notes == ()
    assert out.body["max_tokens"] == 9 and out.body["top_k"] == 5
    assert "stream_options" not in out.body and "max_completion_tokens" not in out.body
    assert out.body["messages"][1]["reasoning_content"] == "Hm."
    assert chat.decode_request(out.body).request == request


def test_structured_output_on_the_wire() -> None:
    schema = {"type": "object", "properties": {}}
    out = chat.encode_request(
        Request(HI, response_format=ResponseFormat(schema, "person")), "m", stream=False
    )
    assert out.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "person", "schema": schema, "strict": True},
    }

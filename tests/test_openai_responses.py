"""The Responses API, both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dialect_checks as checks
from pellucid.dialects import openai_responses as responses
from pellucid.dialects.base import Head
from pellucid.errors import BadReply, BadRequest, CannotExpress, ProviderError, RateLimited
from pellucid.messages import (
    Media,
    Message,
    Options,
    Refusal,
    Request,
    ResponseFormat,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    text_message,
)
from pellucid.replies import (
    Event,
    Finish,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
    collect,
)

FOLDER = Path(__file__).parent / "data/streams/openai_responses"
STREAMS = {path.stem: path.read_bytes() for path in sorted(FOLDER.iterdir())}
HI = (text_message("user", "Hi"),)
HEAD = Head("resp_1", "gpt", 0)


def test_requests(full: bool) -> None:
    checks.check_requests(responses, 2000 if full else 150)


def test_plain_requests() -> None:
    checks.check_plain_requests(responses, 50)


def test_streams(full: bool) -> None:
    checks.check_streams(responses, 2000 if full else 150)


def test_whole_replies(full: bool) -> None:
    checks.check_whole_replies(responses, 2000 if full else 100, ordered=True)


def test_errors() -> None:
    checks.check_errors(responses)
    checks.check_text_before_a_failure(responses)


@pytest.mark.parametrize("name", STREAMS)
def test_cut_at_every_byte(name: str, full: bool) -> None:
    checks.check_cuts(responses, STREAMS[name], 1 if full else 3)


@pytest.mark.parametrize("name", STREAMS)
def test_any_pieces(name: str, full: bool) -> None:
    checks.check_chunkings(responses, STREAMS[name], 10_000 if full else 20)


@pytest.mark.parametrize("name", STREAMS)
def test_a_failure_after_any_event(name: str) -> None:
    checks.check_failures(responses, checks.decode_stream(responses, [STREAMS[name]]))


def recorded(name: str) -> Reply:
    return collect(checks.decode_stream(responses, [STREAMS[name]]))


@pytest.mark.parametrize("name", [name for name in STREAMS if name != "llama_cpp"])
def test_whole_and_streamed_say_the_same(name: str) -> None:
    """The last event of OpenAI's stream holds the whole response."""
    last = STREAMS[name].strip().rpartition(b"data: ")[2]
    whole = collect(responses.decode_reply(json.loads(last)["response"]))
    reply = recorded(name)
    assert whole.message == reply.message
    assert (whole.usage, whole.finish, whole.detail) == (reply.usage, reply.finish, reply.detail)


def test_recorded_text_and_buckets() -> None:
    reply = recorded("text")
    assert reply.text == "Hi there, naïve 🌾!"
    assert reply.usage == Usage(76, 1024, 100, 11, 0, "reported")
    assert (reply.finish, reply.detail) == ("stop", "completed")
    assert reply.id == "resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654"
    assert reply.notices == ()
    local = recorded("llama_cpp")
    assert (local.text, local.usage) == ("Hi!", Usage(4, 30, 0, 2, 0, "reported"))


def test_recorded_calls() -> None:
    reply = recorded("tools")
    assert reply.message.parts == (
        ToolCall("call_unDCq4OAM9cPZPTPm7HQc4zQ", "get_weather", '{"location":"Paris, France"}'),
        ToolCall("call_2", "get_weather", '{"location":"Zürich"}'),
    )
    assert (reply.finish, reply.detail) == ("tool_calls", "completed")


def test_recorded_reasoning_goes_back_as_it_came() -> None:
    reply = recorded("reasoning")
    assert reply.usage == Usage(30, 0, 0, 22, 128, "reported")
    out = responses.encode_request(Request((*HI, reply.message)), "gpt-5", stream=False)
    assert out.body["input"][1:] == [
        {
            "type": "reasoning",
            "id": "rs_6888f6d0",
            "summary": [{"type": "summary_text", "text": "**Looking**\n\n**Finding**\n\nIt is 4."}],
            "encrypted_content": "gAAAAABoiPbQ_x-Y=",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "4.", "annotations": []}],
            "phase": "final_answer",
        },
    ]
    assert out.body["store"] is False
    assert out.body["include"] == ["reasoning.encrypted_content"]


def test_encrypted_content_survives_a_server_between() -> None:
    """OpenAI's content is bound to its item's id, which a reply that is passed on cannot keep."""
    reply = recorded("hidden_reasoning")
    assert reply.message.parts[0] == Thinking(
        "", Signature("openai-responses", "rs_h:gAAAAB"), redacted=True
    )
    passed_on = responses.encode_reply(reply, HEAD)["output"][0]
    assert passed_on["id"] == "rs_1_0"
    body = {"model": "m", "input": [passed_on]}
    assert responses.decode_request(body).request.messages[0].parts[0] == reply.message.parts[0]


def test_recorded_logprobs() -> None:
    reply = recorded("logprobs")
    assert [token.piece for token in reply.tokens] == [b"Hello", " é".encode()]
    assert reply.tokens[0].alternatives[1].piece == b"Hi"
    assert (reply.finish, reply.detail) == ("length", "max_output_tokens")


def test_recorded_refusals() -> None:
    reply = recorded("refusal")
    assert reply.message.parts == (Refusal("I'm sorry, I can't help."),)
    assert (reply.finish, reply.detail) == ("refusal", "completed")
    reply = recorded("filtered")
    assert (reply.text, reply.finish, reply.detail) == ("Once", "refusal", "content_filter")


def test_tools_of_the_provider_are_noticed() -> None:
    reply = recorded("web_search")
    assert reply.text == "Sunny."
    assert "https://example.org/w" in "".join(reply.notices)
    assert any('"type":"web_search_call"' in notice for notice in reply.notices)


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def test_items_that_come_whole() -> None:
    """Some hosts send an item when it is done, without its deltas."""
    call = {"type": "function_call", "id": "f", "call_id": "c", "name": "f", "arguments": "{}"}
    text = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]}
    data = (
        event("response.created", response={"id": "r", "model": "m"})
        + event("response.output_item.done", item=text)
        + event("response.output_item.done", item=call)
        + event("response.completed", response={"status": "completed"})
    )
    reply = collect(checks.decode_stream(responses, [data]))
    assert reply.message.parts == (Text("Hi"), ToolCall("c", "f", "{}"))


@pytest.mark.parametrize(
    "data",
    [
        event("error", code="rate_limit_exceeded", message="Slow down", param=None),
        event("error", error={"type": "requests", "message": "Slow down"}),
        event(
            "response.failed",
            response={
                "status": "failed",
                "error": {"code": "rate_limit_exceeded", "message": "Slow down"},
            },
        ),
    ],
)
def test_errors_inside_a_stream(data: bytes) -> None:
    with pytest.raises(RateLimited, match="Slow down"):
        responses.Decoder().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"data: <html>\n\n",
        b"data: [1]\n\n",
        b"data: \xff\n\n",
        event("response.output_text.delta", item_id="m"),
        event("response.output_text.delta", item_id="m", delta=7),
        event("response.function_call_arguments.delta", item_id="f", delta="{"),
        event("response.completed", response={"status": "in_progress"}),
        event(
            "response.completed", response={"status": "completed", "usage": {"input_tokens": "7"}}
        ),
        event("response.completed", response=7),
        b'data: {"x": 1}\n\n',
    ],
)
def test_what_is_not_the_api(data: bytes) -> None:
    with pytest.raises(BadReply):
        checks.decode_stream(responses, [data])


@pytest.mark.parametrize("body", [{}, {"status": "queued"}, {"output": [7]}, {"output": 7}])
def test_a_whole_reply_that_is_none(body: dict[str, Any]) -> None:
    with pytest.raises(BadReply):
        responses.decode_reply(body)


# Requests


def sent(request: Request, *traits: str) -> dict[str, Any]:
    out = responses.encode_request(request, "gpt", stream=True, traits=frozenset(traits))
    assert out.path == "responses"
    return out.body


def notes(request: Request) -> str:
    return "\n".join(responses.encode_request(request, "gpt", stream=True).notes)


def test_a_conversation_as_items() -> None:
    image = Media("image", "image/png", b"x")
    call = ToolCall("call_1", "f", '{"a":  1}')
    messages = (
        text_message("system", "Be brief."),
        Message("user", (Text("Look."), image, Media("file", "", url="https://example.org/a"))),
        Message("assistant", (Thinking("Hm."), Text("Well."), call)),
        Message("tool", (ToolResult("call_1", "f", "no", failed=True, media=(image,)),)),
        text_message("system", "Now in verse."),
    )
    body = sent(Request(messages))
    assert body["instructions"] == "Be brief."
    user, said, called, result, later = body["input"]
    assert [part["type"] for part in user["content"]] == ["input_text", "input_image", "input_file"]
    assert user["content"][1]["image_url"] == "data:image/png;base64,eA=="
    assert said["content"][0]["text"] == "Well."
    assert called["arguments"] == '{"a":  1}'
    assert [part["type"] for part in result["output"]] == ["input_text", "input_image"]
    assert later == {"type": "message", "role": "system", "content": "Now in verse."}
    told = notes(Request(messages))
    assert "did not sign" in told
    assert "failed" in told


def test_options_and_tools() -> None:
    schema = {"type": "object", "properties": {}}
    request = Request(
        HI,
        (ToolSpec("f", "Does f.", schema, strict=True),),
        Options(max_tokens=20, effort="high", alternatives=30, seed=7, thinking_tokens=2000),
        response_format=ResponseFormat(schema, "person"),
        tool_choice="f",
        parallel_tools=False,
    )
    body = sent(request)
    assert body["tools"] == [
        {
            "type": "function",
            "name": "f",
            "description": "Does f.",
            "parameters": schema,
            "strict": True,
        }
    ]
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["parallel_tool_calls"] is False
    assert body["max_output_tokens"] == 20
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert sent(request, "no-summary")["reasoning"] == {"effort": "high"}
    assert body["top_logprobs"] == 20
    assert "message.output_text.logprobs" in body["include"]
    form = {"type": "json_schema", "name": "person", "schema": schema, "strict": True}
    assert body["text"] == {"format": form}
    for word in ("seed", "thinking_tokens", "20 alternatives"):
        assert word in notes(request)
    json_mode = sent(Request(HI, response_format=ResponseFormat()))
    assert json_mode["text"] == {"format": {"type": "json_object"}}
    assert "include" not in sent(Request(HI))


@pytest.mark.parametrize(
    "request_",
    [
        Request(HI, options=Options(stop=("x",))),
        Request(HI, tool_choice="required"),
        Request(HI, generation_prompt=False),
        Request(HI, options=Options(temperature=2.5)),
        Request(HI, options=Options(frequency_penalty=0.5)),
        Request((Message("user", (Media("audio", "audio/wav", b"x"),)),)),
        Request((Message("system", (Media("image", "image/png", b"x"),)),)),
    ],
)
def test_what_cannot_be_said(request_: Request) -> None:
    with pytest.raises(CannotExpress, match="OpenAI's Responses API has no way"):
        sent(request_)


def test_a_request_as_the_documentation_writes_it() -> None:
    body = {
        "model": "gpt-5",
        "instructions": "Talk like a pirate.",
        "input": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "Sunny."},
        ],
        "tools": [
            {"type": "function", "name": "look", "parameters": None},
            {"type": "function", "name": "touch", "parameters": {}},
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "look"}],
        },
        "reasoning": {"effort": "xhigh"},
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "metadata": {"a": "b"},
        "store": True,
        "stream": True,
    }
    incoming = responses.decode_request(body)
    assert incoming.stream
    assert incoming.request.messages == (
        text_message("system", "Talk like a pirate."),
        text_message("system", "Be brief."),
        text_message("user", "Weather?"),
        Message("assistant", (ToolCall("c1", "look", "{}"),)),
        Message("tool", (ToolResult("c1", "look", "Sunny."),)),
    )
    assert [tool.name for tool in incoming.request.tools] == ["look"]
    assert incoming.request.tool_choice == "required"
    assert incoming.request.options == Options(effort="high")
    told = "\n".join(incoming.notes)
    for word in ("web_search_call", "verbosity", "metadata", "xhigh"):
        assert word in told
    assert responses.decode_request({"model": "m", "input": "Hi"}).request == Request(HI)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "novelty"}]}, "input[0].type"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"temperature": -1}, "temperature"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
    ],
)
def test_bad_requests_name_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as info:
        responses.decode_request({"model": "m", "input": "Hi", **change})
    assert info.value.field == field


# Replies, written


def test_mixed_fragments_of_calls() -> None:
    events: list[Event] = [
        Started("resp_1", "gpt"),
        ToolCallDelta(0, "a"),
        ToolCallDelta(0, None, "f", '{"x": '),
        ToolCallDelta(1, "b", "g", "{"),
        ToolCallDelta(0, arguments="1}"),
        ToolCallDelta(1, arguments="}"),
        UsageEvent(Usage(1)),
        Finish("tool_calls"),
    ]
    reply = collect(checks.decode_stream(responses, [checks.encode_stream(responses, events)]))
    assert reply.message.parts == (ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", "{}"))


def test_thinking_of_others_is_shown_without_its_signature() -> None:
    events: list[Event] = [
        ThinkingDelta("a", Signature("anthropic", "secret")),
        TextDelta("c"),
        UsageEvent(Usage()),
        Finish("stop"),
    ]
    data = checks.encode_stream(responses, events)
    assert b"secret" not in data
    assert collect(checks.decode_stream(responses, [data])).message.parts == (
        Thinking("a"),
        Text("c"),
    )


def test_events_are_numbered() -> None:
    events = checks.decode_stream(responses, [STREAMS["reasoning"]])
    data = checks.encode_stream(responses, events).decode()
    lines = [json.loads(line[6:]) for line in data.splitlines() if line.startswith("data: ")]
    assert [line["sequence_number"] for line in lines] == list(range(len(lines)))


def test_a_broken_reply_is_never_written_as_whole() -> None:
    reply = Reply(Message("assistant", (Text("Half"),)), "cut", Usage())
    with pytest.raises(ProviderError):
        responses.encode_reply(reply, HEAD)

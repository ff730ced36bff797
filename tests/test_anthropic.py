"""The Messages API, both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dialect_checks as checks
from pellucid.dialects import anthropic
from pellucid.dialects.base import Head
from pellucid.errors import BadReply, BadRequest, CannotExpress, Overloaded, ProviderError
from pellucid.messages import (
    Media,
    Message,
    Options,
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

FOLDER = Path(__file__).parent / "data/streams/anthropic"
STREAMS = {path.stem: path.read_bytes() for path in sorted(FOLDER.iterdir())}
HI = (text_message("user", "Hi"),)
HEAD = Head("msg_1", "claude", 0)


def test_requests(full: bool) -> None:
    checks.check_requests(anthropic, 2000 if full else 150)


def test_plain_requests() -> None:
    checks.check_plain_requests(anthropic, 50)


def test_streams(full: bool) -> None:
    checks.check_streams(anthropic, 2000 if full else 150)


def test_whole_replies(full: bool) -> None:
    checks.check_whole_replies(anthropic, 2000 if full else 100, ordered=True)


def test_errors() -> None:
    checks.check_errors(anthropic)
    checks.check_text_before_a_failure(anthropic)


@pytest.mark.parametrize("name", STREAMS)
def test_cut_at_every_byte(name: str) -> None:
    checks.check_cuts(anthropic, STREAMS[name])


@pytest.mark.parametrize("name", STREAMS)
def test_any_pieces(name: str, full: bool) -> None:
    checks.check_chunkings(anthropic, STREAMS[name], 10_000 if full else 20)


@pytest.mark.parametrize("name", STREAMS)
def test_a_failure_after_any_event(name: str) -> None:
    checks.check_failures(anthropic, checks.decode_stream(anthropic, [STREAMS[name]]))


def recorded(name: str) -> Reply:
    return collect(checks.decode_stream(anthropic, [STREAMS[name]]))


def test_recorded_text_and_buckets() -> None:
    reply = recorded("text")
    assert reply.text == "Hello, naïve 🌾 world\n"
    assert reply.usage == Usage(12, 1024, 188, 15, 0, "reported")
    assert (reply.finish, reply.detail) == ("stop", "end_turn")
    assert reply.id == "msg_01XFDUDYJgAACzvnptvVoYEL"
    assert reply.notices == ()
    assert recorded("llama_cpp").usage == Usage(14, 3, 0, 8, 0, "reported")


def test_input_is_known_before_a_stream_breaks() -> None:
    events = anthropic.Decoder().feed(STREAMS["text"][:600])
    assert UsageEvent(Usage(12, 1024, 188, 1, 0, "reported")) in events


def test_recorded_calls() -> None:
    reply = recorded("tools")
    weather = '{"location": "San Francisco, CA", "unit": "fahrenheit"}'
    assert reply.message.parts == (
        Text("Okay, let me look."),
        ToolCall("toolu_01T1x1fJ34qAmk2tNTrN7Up6", "get_weather", weather),
        ToolCall("toolu_02B", "now", "{}"),
    )
    assert reply.finish == "tool_calls"


def test_recorded_thinking_goes_back_as_it_came() -> None:
    reply = recorded("thinking")
    assert reply.usage == Usage(50, 0, 0, 20, 120, "reported")
    out = anthropic.encode_request(Request((*HI, reply.message)), "claude", stream=False)
    thinking, redacted, text = out.body["messages"][1]["content"]
    assert thinking["thinking"].endswith("27 * 453 = 12231")
    assert thinking["signature"].startswith("EqQBCgIYAhIM")
    assert redacted["type"] == "redacted_thinking"
    assert redacted["data"].startswith("EmwKAhgBEgy3")
    assert text == {"type": "text", "text": "27 * 453 = 12,231"}


def test_tools_of_the_provider_are_noticed() -> None:
    reply = recorded("web_search")
    assert reply.text == "I'll check.Sunny in NYC."
    search, result, citation = reply.notices
    assert "weather NYC" in search
    assert "https://example.org/w" in result
    assert "Sunny" in citation


@pytest.mark.parametrize(
    ("name", "finish", "detail"),
    [
        ("refusal", "refusal", "refusal"),
        ("stop_sequence", "stop_string", ", 3"),
        ("pause_turn", "stop", "pause_turn"),
        ("window", "length", "model_context_window_exceeded"),
    ],
)
def test_every_way_to_end(name: str, finish: str, detail: str) -> None:
    reply = recorded(name)
    assert (reply.finish, reply.detail) == (finish, detail)
    again = collect(anthropic.decode_reply(anthropic.encode_reply(reply, HEAD)))
    assert (again.finish, again.detail) == (finish, detail)


def test_what_else_an_end_says() -> None:
    assert recorded("refusal").notices == ("refusal: cyber, This asks for malware.",)
    assert "send the reply back" in recorded("pause_turn").notices[0]


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def test_an_error_in_a_stream() -> None:
    said = {"type": "overloaded_error", "message": "Overloaded"}
    with pytest.raises(Overloaded, match="Overloaded") as info:
        anthropic.Decoder().feed(event("error", error=said))
    assert (info.value.status, info.value.code) == (529, "overloaded_error")


@pytest.mark.parametrize(
    "data",
    [
        b"data: <html>\n\n",
        b"data: [1]\n\n",
        b"data: \xff\n\n",
        event("content_block_delta", index=0),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": 7}),
        event("message_start", message={"usage": {"input_tokens": "many"}}),
        event("message_stop"),
        b'data: {"x": 1}\n\n',
    ],
)
def test_what_is_not_the_api(data: bytes) -> None:
    with pytest.raises(BadReply):
        checks.decode_stream(anthropic, [data])


@pytest.mark.parametrize("body", [{}, {"content": 7}, {"content": [{"type": "text", "text": 7}]}])
def test_a_whole_reply_that_is_none(body: dict[str, Any]) -> None:
    with pytest.raises(BadReply):
        anthropic.decode_reply(body)


def test_later_events_are_noticed_not_fatal() -> None:
    assert anthropic.Decoder().feed(event("ping")) == []
    [notice] = anthropic.Decoder().feed(event("novelty", words=1))
    assert "novelty" in str(notice)


def test_codes_inside_error_details() -> None:
    details = {"error_code": "contract_spend_limit_reached"}
    error = {"type": "rate_limit_error", "message": "Spent.", "details": details}
    failure = anthropic.decode_error(429, json.dumps({"type": "error", "error": error}).encode())
    assert (failure.kind, failure.code) == ("rate_limit", "contract_spend_limit_reached")


# Requests


def sent(request: Request, *traits: str) -> dict[str, Any]:
    out = anthropic.encode_request(request, "claude", stream=True, traits=frozenset(traits))
    assert out.path == "messages"
    return out.body


def notes(request: Request, *traits: str) -> str:
    out = anthropic.encode_request(request, "claude", stream=True, traits=frozenset(traits))
    return "\n".join(out.notes)


def test_roles_alternate_and_results_come_first() -> None:
    call = ToolCall("functions.f:0", "f", '{"a": [1, 2]}')
    messages = (
        text_message("system", "Be brief."),
        text_message("user", "One."),
        text_message("user", "Two."),
        Message("assistant", (call,)),
        text_message("user", "And?"),
        Message("tool", (ToolResult(call.id, "f", "no", failed=True),)),
        text_message("assistant", "Well."),
    )
    body = sent(Request(messages))
    assert body["system"] == "Be brief."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "assistant"]
    assert [block["text"] for block in body["messages"][0]["content"]] == ["One.", "Two."]
    [use] = body["messages"][1]["content"]
    assert use["input"] == {"a": [1, 2]}
    result, text = body["messages"][2]["content"]
    assert result == {
        "type": "tool_result",
        "tool_use_id": use["id"],
        "content": "no",
        "is_error": True,
    }
    assert use["id"] == "functions_f_0"
    assert text["text"] == "And?"


def test_system_messages_in_the_middle() -> None:
    later = text_message("system", "Now in verse.")
    after, question = text_message("assistant", "Hello."), text_message("user", "More?")
    body = sent(Request((*HI, after, later, question)))
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "system"]
    for request, traits in (
        (Request((*HI, after, later, question)), ["leading-system"]),
        (Request((*HI, after, later)), []),
    ):
        assert sent(request, *traits)["system"] == "Now in verse."
        assert "moved to the system field" in notes(request, *traits)


def test_thinking_of_others_stays_here() -> None:
    thoughts = (Thinking("a", Signature("gemini", "x")), Thinking("b"), Text("Hi"))
    request = Request((*HI, Message("assistant", thoughts)))
    assert sent(request)["messages"][1]["content"] == "Hi"
    assert "did not sign" in notes(request)


def test_effort_and_budget() -> None:
    def thinking(*traits: str, **options: Any) -> tuple[object, object]:
        body = sent(Request(HI, options=Options(**options)), *traits)
        return body.get("thinking"), body.get("output_config")

    shown = {"display": "summarized"}
    assert thinking() == (None, None)
    assert thinking(effort="high") == ({"type": "adaptive", **shown}, {"effort": "high"})
    assert thinking(effort="minimal")[1] == {"effort": "low"}
    assert thinking(effort="none") == thinking(thinking_tokens=0) == ({"type": "disabled"}, None)
    budget = {"type": "enabled", "budget_tokens": 2048, **shown}
    assert thinking(thinking_tokens=2048) == (budget, None)
    assert thinking("no-adaptive", effort="low") == (budget, None)
    with pytest.raises(CannotExpress, match="The least"):
        thinking(thinking_tokens=10)
    with pytest.raises(CannotExpress, match="raise max_tokens"):
        thinking(thinking_tokens=4096, max_tokens=2048)


def test_defaults_and_what_is_left_out_are_noted() -> None:
    options = Options(seed=7, alternatives=5, top_k=40, temperature=0.5)
    said = notes(Request(HI, options=options), "no-sampling")
    for word in ("max_tokens", "8192", "seed", "alternatives", "top_k", "temperature"):
        assert word in said
    assert notes(Request(HI, options=Options(max_tokens=10))) == ""


@pytest.mark.parametrize(
    "request_",
    [
        Request(HI, options=Options(temperature=1.5)),
        Request(HI, options=Options(presence_penalty=0.5)),
        Request(HI, response_format=ResponseFormat()),
        Request(HI, tool_choice="required"),
        Request(HI, generation_prompt=False),
        Request((Message("user", (Media("audio", "audio/wav", b"x"),)),)),
        Request((Message("user", (Media("image", "image/bmp", b"x"),)),)),
        Request((Message("user", (Media("file", "text/plain", b"\xff"),)),)),
        Request((Message("assistant", (Media("image", "image/png", b"x"),)),)),
        Request((*HI, Message("assistant", (ToolCall("a", "f", "not JSON"),)))),
    ],
)
def test_what_cannot_be_said(request_: Request) -> None:
    with pytest.raises(CannotExpress, match="Anthropic's Messages API has no way"):
        sent(request_)


def test_structured_output_and_tools() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    tool = ToolSpec("f", "Does f.", schema, strict=True)
    request = Request(
        HI, (tool,), response_format=ResponseFormat(schema), tool_choice="f", parallel_tools=False
    )
    body = sent(request)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    assert body["tools"] == [
        {"name": "f", "description": "Does f.", "input_schema": schema, "strict": True}
    ]
    choice = {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    assert body["tool_choice"] == choice


def test_counts() -> None:
    request = Request(HI, options=Options(max_tokens=9, temperature=0.5))
    out = anthropic.encode_count_request(request, "claude")
    assert out.path == "messages/count_tokens"
    assert out.body == {"model": "claude", "messages": [{"role": "user", "content": "Hi"}]}
    assert anthropic.decode_request(out.body, out.path).request.messages == HI
    assert anthropic.decode_count(anthropic.encode_count(31)) == 31
    with pytest.raises(BadReply):
        anthropic.decode_count({})


def test_a_request_as_the_documentation_writes_it() -> None:
    image = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    passage = {"type": "text", "text": "Sunny."}
    body = {
        "model": "claude-opus-5",
        "max_tokens": 1024,
        "metadata": {"user_id": "7"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "xhigh"},
        "messages": [
            {"role": "user", "content": "Hello"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [passage]},
                    {"type": "image", "source": image},
                    {
                        "type": "search_result",
                        "source": "https://example.org",
                        "title": "W",
                        "content": [passage],
                    },
                ],
            },
        ],
    }
    incoming = anthropic.decode_request(body)
    assert incoming.model == "claude-opus-5"
    assert not incoming.stream
    assert incoming.request.messages[2:] == (
        Message("assistant", (ToolCall("t1", "look", "{}"),)),
        Message("tool", (ToolResult("t1", "look", "Sunny."),)),
        Message(
            "user",
            (
                Media("image", "image/png", b"\x89PNG\r\n\x1a\n"),
                Text("Sunny.", source="https://example.org"),
            ),
        ),
    )
    assert incoming.request.options == Options(max_tokens=1024, effort="high")
    told = "\n".join(incoming.notes)
    for word in ("metadata", "cache_control", "xhigh"):
        assert word in told


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"model": None}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [7]}]}, "messages[0].content[0]"),
        ({"temperature": -1}, "temperature"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "tool", "name": "f"}}, "tool_choice.name"),
        ({"thinking": {"type": "hard"}}, "thinking.type"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "yaml"}}}, "output_config.format.type"),
        ({"stop_sequences": [7]}, "stop_sequences[0]"),
    ],
)
def test_bad_requests_name_the_field(change: dict[str, Any], field: str) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    with pytest.raises(BadRequest) as info:
        anthropic.decode_request({**body, **change})
    assert info.value.field == field


# Replies, written


def test_mixed_fragments_of_calls() -> None:
    events: list[Event] = [
        Started("msg_1", "claude"),
        ToolCallDelta(0, "a"),
        ToolCallDelta(0, None, "f", '{"x": '),
        ToolCallDelta(1, "b", "g", "{"),
        ToolCallDelta(0, arguments="1}"),
        ToolCallDelta(1, arguments="}"),
        ToolCallDelta(2, None, "h"),
        UsageEvent(Usage(1)),
        Finish("tool_calls"),
    ]
    reply = collect(checks.decode_stream(anthropic, [checks.encode_stream(anthropic, events)]))
    first, second, third = reply.message.parts
    assert (first, second) == (ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", "{}"))
    assert isinstance(third, ToolCall)
    assert third.id.startswith("toolu_") and third.name == "h"


def test_a_broken_reply_is_never_written_as_whole() -> None:
    reply = Reply(Message("assistant", (Text("Half"),)), "cut", Usage())
    with pytest.raises((CannotExpress, ProviderError)):
        anthropic.encode_reply(reply, HEAD)


def test_thinking_closes_at_its_signature() -> None:
    events: list[Event] = [
        ThinkingDelta("a", Signature("anthropic", "1")),
        ThinkingDelta("b", Signature("openai-responses", "2")),
        TextDelta("c"),
        UsageEvent(Usage()),
        Finish("stop"),
    ]
    reply = collect(checks.decode_stream(anthropic, [checks.encode_stream(anthropic, events)]))
    assert reply.message.parts == (
        Thinking("a", Signature("anthropic", "1")),
        Thinking("b"),
        Text("c"),
    )

"""Chat Completions, both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dialect_checks as checks
from pellucid.dialects import openai_chat as chat
from pellucid.dialects.base import Failure, Head
from pellucid.errors import (
    BadReply,
    IncompleteReply,
    NotFound,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
)
from pellucid.messages import (
    Refusal,
    Text,
    Thinking,
    ToolCall,
    text_message,
)
from pellucid.replies import (
    NO_ID,
    Event,
    Finish,
    Notice,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
    collect,
)

STREAMS = {path.stem: path for path in (Path(__file__).parent / "data/streams/openai").iterdir()}
HI = (text_message("user", "Hi"),)


def test_requests(full: bool) -> None:
    checks.check_requests(chat, 2000 if full else 150)


def test_plain_requests() -> None:
    checks.check_plain_requests(chat, 50)


def test_streams(full: bool) -> None:
    checks.check_streams(chat, 2000 if full else 150)


def test_whole_replies(full: bool) -> None:
    checks.check_whole_replies(chat, 2000 if full else 150, ordered=False)


def test_errors() -> None:
    checks.check_errors(chat)
    checks.check_text_before_a_failure(chat)


@pytest.mark.parametrize("name", STREAMS)
def test_cut_at_every_byte(name: str) -> None:
    checks.check_cuts(chat, STREAMS[name].read_bytes())


@pytest.mark.parametrize("name", STREAMS)
def test_any_pieces(name: str, full: bool) -> None:
    checks.check_chunkings(chat, STREAMS[name].read_bytes(), 10_000 if full else 30)


@pytest.mark.parametrize("name", STREAMS)
def test_a_failure_after_any_event(name: str) -> None:
    checks.check_failures(chat, checks.decode_stream(chat, [STREAMS[name].read_bytes()]))


def recorded(name: str) -> Reply:
    return collect(checks.decode_stream(chat, [STREAMS[name].read_bytes()]))


def test_recorded_text() -> None:
    reply = recorded("text")
    assert reply.text == "Why did the scarecrow 🌾 naïve—win?\n"
    assert reply.usage == Usage(93, 1024, 0, 46, 0, "reported")
    assert (reply.finish, reply.detail) == ("stop", "stop")
    assert reply.model == "gpt-4.1-mini-2025-04-14"
    assert reply.id == "chatcmpl-BdLUgXkzM3sR1vQnT8cPjW5eY7aHf"
    assert reply.notices == ()


def test_recorded_calls() -> None:
    reply = recorded("tools")
    assert reply.message.parts == (
        ToolCall("call_DdmO9pD3xa9XTPNJ32zg2hcA", "get_weather", '{"city":"Paris"}'),
        ToolCall("call_6aVt9mE1UqFfR2ZbkXw0sYhG", "get_weather", '{"city":"Zürich"}'),
    )
    assert reply.finish == "tool_calls"
    old = recorded("functions")
    assert old.message.parts == (ToolCall("chatcmpl-old-0", "add", '{"a": 1, "b": 2}'),)
    assert old.finish == "tool_calls"
    gemini = recorded("gemini_compatible")
    assert [part.arguments for part in gemini.message.parts if isinstance(part, ToolCall)] == [
        '{"city":"Rome"}',
        '{"city":"Oslo"}',
    ]
    assert (gemini.finish, gemini.detail) == ("tool_calls", "stop")


def test_recorded_logprobs() -> None:
    reply = recorded("logprobs")
    assert [token.piece for token in reply.tokens] == [b"Hello", b"!", " é".encode()]
    assert all(token.id == NO_ID and not token.exact for token in reply.tokens)
    assert reply.tokens[0].alternatives[1].piece == b"Hi"
    assert reply.finish == "length"


def test_recorded_refusals() -> None:
    reply = recorded("refusal")
    assert reply.message.parts == (Refusal("I'm sorry, I can't help."),)
    assert (reply.finish, reply.detail) == ("refusal", "stop")
    reply = recorded("filtered")
    assert (reply.text, reply.finish, reply.detail) == ("Once", "refusal", "content_filter")


def test_recorded_thinking_and_usage_of_other_hosts() -> None:
    reply = recorded("deepseek")
    assert reply.message.parts == (Thinking("Compare 9.11 and 9.8."), Text("9.8 is greater."))
    assert reply.usage == Usage(18, 0, 0, 18, 201, "reported")
    reply = recorded("openrouter")
    assert reply.message.parts == (Thinking("The user greets"), Text("Hello there."))
    assert reply.usage == Usage(10, 10, 20, 10, 5, "reported")
    assert recorded("xai").usage == Usage(26, 6, 0, 9, 94, "reported")
    assert recorded("groq").usage == Usage(36, 0, 0, 2, 0, "reported")
    assert recorded("mistral").message.parts == (Thinking("Let me see."), Text("Yes."))
    reply = recorded("vllm")
    assert (reply.finish, reply.detail) == ("stop_string", "END")
    events = checks.decode_stream(chat, [STREAMS["llama_cpp"].read_bytes()])
    assert UsageEvent(Usage(1, 30, 0, 3, 0, "reported"), 80.0, 50.0) in events
    assert recorded("without_done").text == "All there"


def test_a_signature_that_cannot_be_kept_is_noticed() -> None:
    plain = {"type": "reasoning.text", "text": "Hm"}
    for detail, count in ((plain, 0), ({**plain, "signature": "x"}, 1), ({"data": "x"}, 1)):
        message = {"role": "assistant", "content": "Hi", "reasoning_details": [detail]}
        body = {"choices": [{"message": message, "finish_reason": "stop"}]}
        notices = [each for each in chat.decode_reply(body) if isinstance(each, Notice)]
        assert len(notices) == count


# The ways of hosts that differ


def stream(*chunks: dict[str, Any], done: bool = True) -> list[Event]:
    data = b"".join(
        b"data: " + json.dumps({"object": "chat.completion.chunk", **chunk}).encode() + b"\n\n"
        for chunk in chunks
    )
    return checks.decode_stream(chat, [data + (b"data: [DONE]\n\n" if done else b"")])


def delta(**values: Any) -> dict[str, Any]:
    return {"choices": [{"delta": values}]}


def calls(*items: dict[str, Any]) -> tuple[ToolCall, ...]:
    reply = collect(stream(*(delta(tool_calls=[item]) for item in items), finished()))
    return tuple(part for part in reply.message.parts if isinstance(part, ToolCall))


def finished(word: str = "stop") -> dict[str, Any]:
    return {"choices": [{"delta": {}, "finish_reason": word}]}


def fragment(arguments: object, name: str | None = None, **values: Any) -> dict[str, Any]:
    return {**values, "function": {"name": name, "arguments": arguments}}


def test_fragments_of_calls_in_any_shape() -> None:
    both = (ToolCall("1", "f", '{"a": 1}'), ToolCall("2", "g", "{}"))
    mixed = [
        fragment("", "g", index=1, id="2"),
        fragment('{"a"', "f", index=0, id="1"),
        fragment("{}", index=1),
        fragment(": 1}", index=0, id=""),
    ]
    assert calls(*mixed) == both
    same_index = [fragment('{"a": 1}', "f", index=0, id="1"), fragment("{}", "g", index=0, id="2")]
    assert calls(*same_index) == both
    no_index = [fragment('{"a"', "f", id="1"), fragment(": 1}"), fragment("{}", "g", id="2")]
    assert calls(*no_index) == both
    new_id_each_time = [fragment('{"a"', "f", index=0, id="1"), fragment(": 1}", index=0, id="9")]
    assert calls(*new_id_each_time) == both[:1]
    assert calls(fragment({"a": 1}, "f", index=0, id="1")) == both[:1]
    made_up = calls(fragment("{}", "f"), fragment("{}", "g"))
    assert [call.id for call in made_up] == ["call-0", "call-1"]


def test_an_end_without_a_reason() -> None:
    reply = collect(stream(delta(content="Hi")))
    assert (reply.text, reply.finish) == ("Hi", "stop")
    assert "no reason" in reply.notices[0]
    reply = collect(stream(delta(content="Hi"), finished("because")))
    assert (reply.finish, reply.detail) == ("stop", "because")
    assert "because" in reply.notices[0]
    with pytest.raises(IncompleteReply):
        stream(delta(content="Hi"), finished(), done=False)
    with pytest.raises(BadReply, match="nothing but its end"):
        stream()


def test_what_no_event_can_say_is_noticed() -> None:
    reply = collect(stream(delta(content="Hi", annotations=[{"url": "x"}]), finished()))
    assert reply.notices == ('annotations: [{"url":"x"}]',)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}, RateLimited),
        ({"error": {"message": "Slow down", "code": 429}}, RateLimited),
        ({"error": {"message": "Pay", "type": "insufficient_quota"}}, QuotaExceeded),
        ({"error": "overloaded"}, ProviderError),
        ({"object": "error", "message": "No such model", "code": 404}, NotFound),
        ({"choices": [{"delta": {}, "finish_reason": "error"}]}, ProviderError),
        (finished("insufficient_system_resource"), Overloaded),
    ],
)
def test_errors_inside_a_stream(error: dict[str, Any], kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        stream(delta(content="Hi"), error)


@pytest.mark.parametrize(
    "data",
    [
        *(b"data: <html>\n\n", b"data: [1]\n\n", b'data: {"choices": 7}\n\n', b"data: \xff\n\n"),
        b'data: {"choices": [{"delta": {"tool_calls": [1]}}]}\n\n',
    ],
)
def test_what_is_not_the_api(data: bytes) -> None:
    with pytest.raises(BadReply):
        checks.decode_stream(chat, [data])


def test_whole_replies_that_are_none() -> None:
    for body in ({}, {"choices": []}, {"choices": [{"message": "x"}]}, {"choices": 3}):
        with pytest.raises(BadReply):
            chat.decode_reply(body)
    with pytest.raises(RateLimited):
        chat.decode_reply({"error": {"message": "Slow down", "code": 429}})


def test_errors_of_other_hosts() -> None:
    wrapped = chat.decode_error(400, b'[{"error": {"code": 400, "message": "API key not valid"}}]')
    assert (wrapped.kind, wrapped.message) == ("rejected", "API key not valid")
    detail = chat.decode_error(422, b'{"detail": [{"loc": ["body"], "msg": "Field required"}]}')
    assert "Field required" in detail.message
    long = chat.decode_error(400, b'{"error": {"message": "m", "code": "context_length_exceeded"}}')
    assert long == Failure(400, "too_large", "m", "context_length_exceeded")
    assert chat.decode_error(502, b"<h1>Bad gateway</h1>").kind == "server"
    quota = b'{"error": {"message": "m", "type": "insufficient_quota", "code": null}}'
    assert chat.decode_error(429, quota).kind == "quota"


def test_a_broken_reply_is_never_written_as_whole() -> None:
    encoder = chat.Encoder(Head("1", "m", 0))
    with pytest.raises(IncompleteReply):
        encoder.encode(Finish("cut"))
    with pytest.raises(IncompleteReply):
        chat.encode_reply(Reply(HI[0], "error", Usage()), Head("1", "m", 0))


def test_repeated_chunks_are_told_apart() -> None:
    """The short way for chunks of text must not take one that says more for plain text."""
    text = {"choices": [{"delta": {"content": "a"}, "finish_reason": None}]}
    tricky = 'a","x":"'
    last = {"choices": [{"delta": {"content": tricky}, "finish_reason": "length"}]}
    events = stream(text, text, text, {**text, "id": "later"}, last)
    assert events == [
        Started(),
        *[TextDelta("a")] * 4,
        TextDelta(tricky),
        Finish("length", detail="length"),
    ]
    odd = stream(
        text, text, {"choices": [{"delta": {"content": None, "refusal": "no"}}]}, finished()
    )
    assert RefusalDelta("no") in odd
    assert not [event for event in odd if isinstance(event, ToolCallDelta)]

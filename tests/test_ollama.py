"""Ollama's own API, both ways: what every dialect keeps to, and what is its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dialect_checks as checks
from pellucid.dialects import gemini, ollama
from pellucid.dialects.base import Dialect, Head
from pellucid.dialects.embedding import Embeddings, EmbedRequest
from pellucid.dialects.ollama import embeddings as vectors
from pellucid.dialects.ollama import generate
from pellucid.errors import (
    BadReply,
    BadRequest,
    CannotExpress,
    IncompleteReply,
    ProviderError,
    ServerFault,
)
from pellucid.messages import (
    Media,
    Message,
    Options,
    Part,
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
    NO_ID,
    Candidate,
    Finish,
    Reply,
    ReplyToken,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
    collect,
)

CHAT: Dialect = ollama
GENERATE: Dialect = generate
FOLDER = Path(__file__).parent / "data" / "streams" / "ollama"
HEAD = Head("r-1", "llama3.2", checks.CREATED)
ASK = Request((text_message("user", "Hi"),))
PNG = b"\x89PNG\r\n\x1a\n"


def recorded(name: str) -> bytes:
    return (FOLDER / f"{name}.ndjson").read_bytes()


def decode(**body: Any) -> Request:
    return ollama.decode_request({"model": "m", **body}).request


def encode(request: Request) -> dict[str, Any]:
    return ollama.encode_request(request, "m", stream=False).body


# What holds for every dialect


def test_requests_say_what_they_can(full: bool) -> None:
    checks.check_requests(CHAT, 1000 if full else 80)
    checks.check_plain_requests(CHAT, 500 if full else 50)
    checks.check_requests(GENERATE, 2000 if full else 160, share=0.01)


def test_replies_say_what_they_can(full: bool) -> None:
    for dialect in (CHAT, GENERATE):
        checks.check_streams(dialect, 1000 if full else 50)
        checks.check_whole_replies(dialect, 1000 if full else 50, ordered=False)


def test_errors_both_ways() -> None:
    checks.check_errors(CHAT)
    checks.check_errors(GENERATE)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.iterdir()))
def test_recorded_streams_cut_anywhere(name: str, full: bool) -> None:
    dialect = GENERATE if name == "generate" else CHAT
    checks.check_cuts(dialect, recorded(name))
    checks.check_chunkings(dialect, recorded(name), 10_000 if full else 100)


@pytest.mark.parametrize(
    ("name", "parts", "end"),
    [
        ("thinking", (Thinking("Two and two."), Text("4")), "stop"),
        ("length", (Text("Es war einmal 🐻"),), "length"),
        ("json", (Text('{"name": "Ada"}\n'),), "stop"),
        ("old", (Text("Hello"),), "stop"),
    ],
)
def test_what_recorded_streams_say(name: str, parts: tuple[Part, ...], end: str) -> None:
    reply = collect(checks.decode_stream(CHAT, [recorded(name)]))
    assert (reply.message.parts, reply.finish) == (parts, end)
    assert (reply.usage.fresh, reply.usage.output, reply.usage.known) == (26, 9, "reported")


def test_words_and_calls_in_one_recorded_stream() -> None:
    reply = collect(checks.decode_stream(CHAT, [recorded("calls_after_text")]))
    text, call = reply.message.parts
    assert text == Text("Let me look.") and isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("get_weather", '{"city": "Zürich"}')
    assert reply.finish == "tool_calls"


def test_a_stream_that_breaks_is_an_error() -> None:
    checks.check_failures(CHAT, checks.decode_stream(CHAT, [recorded("calls")]))
    checks.check_failures(GENERATE, checks.decode_stream(GENERATE, [recorded("generate")]))


def test_translation(full: bool) -> None:
    for source, target in ((gemini, CHAT), (CHAT, gemini)):
        checks.check_request_translation(source, target, 300 if full else 25)
        checks.check_reply_translation(source, target, 300 if full else 25)


# Replies


def test_thinking_probabilities_and_rates() -> None:
    started, thinking, first, second, usage, end = checks.decode_stream(CHAT, [recorded("chat")])
    assert started == Started(None, "qwen3:8b")
    assert thinking == ThinkingDelta("Le ciel – why?")
    token = ReplyToken(
        NO_ID,
        b"The",
        -0.105,
        (Candidate(NO_ID, b"The", -0.105), Candidate(NO_ID, b"It", -2.5)),
        exact=False,
    )
    assert first == TextDelta("The", (token,))
    assert second == TextDelta(" sky is blue 🎈 <b>")
    assert isinstance(usage, UsageEvent)
    assert usage.usage == Usage(fresh=26, output=298, known="reported")
    assert usage.reading == pytest.approx(67.74, abs=0.01)
    assert usage.writing == pytest.approx(62.08, abs=0.01)
    assert end == Finish("stop", detail="stop")


def test_what_the_cache_held_is_a_bucket_of_its_own() -> None:
    line = {"prompt_eval_count": 30, "prompt_eval_cached_count": 20, "eval_count": 2}
    end = {"model": "m", "message": {"role": "assistant"}, "done": True, "done_reason": "stop"}
    *_, usage, _ = CHAT.decode_reply({**end, **line})
    assert isinstance(usage, UsageEvent)
    assert usage.usage == Usage(10, 20, 0, 2, 0, "reported")


def test_calls_with_and_without_ids() -> None:
    _, first, second, _, end = checks.decode_stream(CHAT, [recorded("calls")])
    assert isinstance(first, ToolCallDelta)
    assert first.id and first.id.startswith("call_")
    assert (first.name, first.arguments) == ("get_weather", '{"city": "Tokyo", "days": [1, 2]}')
    assert second == ToolCallDelta(1, "call_x1", "get_time", "{}")
    assert end == Finish("tool_calls", detail="stop")


def test_generate_may_say_its_last_words_with_the_end() -> None:
    events = checks.decode_stream(GENERATE, [recorded("generate")])
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["That", "'s fantastic", "!"]
    assert events[-1] == Finish("length", detail="length")


def test_tokens_that_part_a_character_keep_their_bytes() -> None:
    tokens = (
        ReplyToken(NO_ID, b"\xc3", -0.5, exact=False),
        ReplyToken(NO_ID, b"\xa9", -float("inf")),
    )
    events = [TextDelta("é", tokens), Finish("stop")]
    read = checks.decode_stream(CHAT, [checks.encode_stream(CHAT, events)])
    assert isinstance(read[1], TextDelta)
    assert [(t.piece, t.logprob) for t in read[1].tokens] == [(b"\xc3", -0.5), (b"\xa9", -9999.0)]


def test_rates_become_durations() -> None:
    usage = UsageEvent(Usage(fresh=10, cache_read=30, output=5), reading=100.0, writing=20.0)
    lines = checks.encode_stream(CHAT, [TextDelta("a"), usage, Finish("stop")]).splitlines()
    end = json.loads(lines[-1])
    assert (end["prompt_eval_count"], end["eval_count"]) == (40, 5)
    assert (end["prompt_eval_duration"], end["eval_duration"]) == (100_000_000, 250_000_000)
    assert end["total_duration"] == 350_000_000
    assert end["created_at"] == "2025-10-09T08:53:20Z"
    reply = Reply(Message("assistant", (Text("a"),)), "stop", usage.usage)
    for whole in (ollama.encode_reply, generate.encode_reply):
        told = whole(reply, replace(HEAD, reading=100.0, writing=20.0))
        measured = [name for name in end if name.endswith(("_count", "_duration"))]
        assert [told.get(name) for name in measured] == [end[name] for name in measured]


def test_loading_a_model_is_a_reply_without_words() -> None:
    body = {"model": "m", "created_at": "", "response": "", "done": True, "done_reason": "load"}
    assert generate.decode_reply(body)[-1] == Finish("stop", detail="load")
    reply = Reply(Message("assistant", ()), "stop", Usage(), detail="unload")
    assert ollama.encode_reply(reply, HEAD)["done_reason"] == "unload"
    assert decode(messages=[]).messages == ()


def test_a_call_that_is_no_json_stays_text() -> None:
    events = [ToolCallDelta(0, "c", "f", "{a}"), Finish("tool_calls")]
    assert ollama.narrow_events(events) == [TextDelta("f({a})"), Finish("stop", detail="stop")]


def test_an_error_in_a_stream_that_has_begun() -> None:
    line = b'{"error":"an error was encountered while running the model"}\n'
    decoder = ollama.Decoder()
    assert len(decoder.feed(recorded("chat").split(b"\n")[0] + b"\n")) == 2
    with pytest.raises(ServerFault, match="while running"):
        decoder.feed(line)
    with pytest.raises(IncompleteReply):
        ollama.Decoder().close()


@pytest.mark.parametrize(
    "data",
    [
        b"<html>\n",
        b"[1]\n",
        b'{"a":1}\n',
        b'{"message":5,"done":true}\n',
        b'{"message":{"content":5},"done":true}\n',
        b'{"message":{"tool_calls":[{}]},"done":true}\n',
        b'{"message":{"images":["*"]},"done":true}\n',
        b"\xff\n",
    ],
)
def test_what_is_not_the_api_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises((BadReply, BadRequest)) as error:
        ollama.Decoder().feed(data)
    assert isinstance(error.value, BadReply)


# Requests


def test_a_prompt_is_never_to_be_shortened_in_silence() -> None:
    body = encode(ASK)
    assert (body["truncate"], body["shift"], body["stream"]) == (False, False, False)
    assert ollama.decode_request({"model": "m", "messages": [], "truncate": True}).notes
    assert not ollama.decode_request(body).notes


def test_streamed_unless_said_otherwise() -> None:
    assert ollama.decode_request({"model": "m", "messages": []}).stream
    assert not ollama.decode_request({"model": "m", "stream": False}).stream
    assert generate.decode_request({"model": "m", "prompt": "a"}).stream


def test_a_conversation_as_it_is_written() -> None:
    call = ToolCall("c1", "f", '{"a":  1}')
    messages = (
        text_message("system", "Be brief."),
        Message("user", (Text("Look: "), Media("image", "image/jpeg", PNG), Text("this"))),
        Message("assistant", (Thinking("hm", Signature("anthropic", "SECRET")), Text("A"), call)),
        Message("tool", (ToolResult("c1", "", "no", failed=True), ToolResult("c1", "f", "2"))),
    )
    out = ollama.encode_request(Request(messages), "m", stream=True)
    assert out.path == "api/chat"
    assert out.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look: this", "images": ["iVBORw0KGgo="]},
        {
            "role": "assistant",
            "content": "A",
            "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "no", "tool_name": "f", "tool_call_id": "c1"},
        {"role": "tool", "content": "2", "tool_name": "f", "tool_call_id": "c1"},
    ]
    assert "SECRET" not in json.dumps(out.body)
    assert len(out.notes) == 2
    read = ollama.decode_request(out.body).request
    assert read.messages[1].parts[1] == Media("image", "image/png", PNG)
    assert read.messages[2].parts[2] == ToolCall("c1", "f", '{"a": 1}')


def test_calls_without_ids_are_matched_by_name_and_order() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    other = {"function": {"name": "g", "arguments": {}}}
    messages = decode(
        messages=[
            {"role": "assistant", "content": "", "tool_calls": [call, other, call]},
            {"role": "tool", "content": "1", "tool_name": "f"},
            {"role": "tool", "content": "2", "tool_name": "f"},
            {"role": "tool", "content": "3"},
        ]
    ).messages
    assert [part.id for part in messages[0].parts if isinstance(part, ToolCall)] == [
        "call_1",
        "call_2",
        "call_3",
    ]
    results = [m.parts[0] for m in messages[1:]]
    assert [(r.id, r.name) for r in results if isinstance(r, ToolResult)] == [
        ("call_1", "f"),
        ("call_3", "f"),
        ("call_2", "g"),
    ]


def test_options_think_and_format() -> None:
    request = decode(
        messages=[],
        think=True,
        format={"type": "object"},
        logprobs=True,
        top_logprobs=3,
        options={"num_predict": -1, "stop": "END", "min_p": 0.1, "num_ctx": 4096, "seed": 7},
    )
    assert request.options == Options(
        stop=("END",), min_p=0.1, seed=7, alternatives=3, effort="medium"
    )
    assert request.response_format == ResponseFormat({"type": "object"})
    assert decode(messages=[], format="").response_format is None
    assert decode(messages=[], format="json").response_format == ResponseFormat()
    incoming = ollama.decode_request(
        {"model": "m", "keep_alive": 5, "think": "max", "options": {"mirostat": 1, "num_ctx": 9}}
    )
    notes = " ".join(incoming.notes)
    for word in ("keep_alive", "max", "mirostat", "num_ctx"):
        assert word in notes
    for effort, think in (("none", False), ("minimal", "low"), ("high", "high")):
        body = encode(Request(ASK.messages, options=Options(effort=effort)))  # type: ignore[arg-type]
        assert body["think"] == think
    assert "think" not in encode(ASK)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "f"}, "tool_choice"),
        ({"messages": (Message("user", (Media("audio", "audio/wav", b"a"),)),)}, "audio"),
        ({"messages": (Message("user", (Media("image", "", url="https://a"),)),)}, "address"),
        ({"messages": (Message("assistant", (ToolCall("1", "f", "x"),)),)}, "arguments"),
        ({"messages": ()}, "conversation"),
        ({"options": Options(alternatives=21)}, "alternatives"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(CannotExpress, match="Ollama") as error:
        encode(Request(**{"messages": ASK.messages, "tools": (ToolSpec("f", "", {}),), **change}))
    assert field in error.value.field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": []}, "model"),
        ({"model": "m", "messages": {}}, "messages"),
        ({"model": "m", "messages": [{"role": "owner"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        (
            {"model": "m", "messages": [{"role": "user", "images": ["*"]}]},
            "messages[0].images[0]",
        ),
        ({"model": "m", "format": 5}, "format"),
        ({"model": "m", "think": "much"}, "think"),
        ({"model": "m", "think": 1}, "think"),
        ({"model": "m", "options": {"top_p": 2}}, "options.top_p"),
        ({"model": "m", "stream": "yes"}, "stream"),
        ({"model": "m", "tools": [{"type": "function"}]}, "tools[0].function"),
    ],
)
def test_bad_requests_name_the_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as error:
        ollama.decode_request(body)
    assert error.value.field == field


def test_generate_asks_one_question() -> None:
    request = Request(
        (
            text_message("system", "S"),
            Message("user", (Text("Q"), Media("image", "image/png", PNG))),
        )
    )
    out = generate.encode_request(request, "m", stream=False)
    assert out.path == "api/generate"
    assert (out.body["system"], out.body["prompt"]) == ("S", "Q")
    assert generate.decode_request(out.body).request == request
    with pytest.raises(CannotExpress, match="several turns"):
        generate.encode_request(Request(ASK.messages * 2), "m", stream=False)


def test_a_raw_prompt_is_a_prompt_and_no_message() -> None:
    incoming = generate.decode_request({"model": "m", "prompt": "[INST] Q [/INST]", "raw": True})
    assert (incoming.raw, incoming.request.messages) == ("[INST] Q [/INST]", ())
    with pytest.raises(BadRequest, match="raw"):
        generate.decode_request({"model": "m", "prompt": "a", "raw": True, "system": "s"})
    for name, value in (("suffix", "b"), ("context", [1]), ("template", "{{ .Prompt }}")):
        with pytest.raises(BadRequest, match=name) as error:
            generate.decode_request({"model": "m", "prompt": "a", name: value})
        assert error.value.field == name


def test_embeddings_both_ways() -> None:
    request = EmbedRequest(("a", "é"), 8)
    out = vectors.encode_embed_request(request, "m")
    assert (out.path, out.body["truncate"]) == ("api/embed", False)
    assert vectors.decode_embed_request(out.body, out.path).request == request
    assert vectors.encode_embed_request(EmbedRequest(("a",), purpose="query"), "m").notes
    single = {"model": "m", "input": "a"}
    assert vectors.decode_embed_request(single, "/api/embed").request.texts == ("a",)
    older = vectors.decode_embed_request({"model": "m", "prompt": "a"}, "/api/embeddings")
    assert (older.request.texts, older.single) == (("a",), True)
    found = Embeddings(((0.5, -1.0), (1.0, 2.0)), 7, "m")
    assert vectors.decode_embeddings(vectors.encode_embeddings(found, "m", single=False)) == found
    assert vectors.encode_embeddings(found, "m", single=True) == {"embedding": [0.5, -1.0]}
    with pytest.raises(BadRequest, match="input"):
        vectors.decode_embed_request({"model": "m", "input": [1]}, "/api/embed")
    with pytest.raises(BadReply):
        vectors.decode_embeddings({"embeddings": [1]})


def test_what_came_with_an_error_is_not_lost() -> None:
    encoder, decoder = ollama.Encoder(HEAD), ollama.Decoder()
    data = encoder.encode(TextDelta("Hel")) + encoder.fail(checks.FAILURE)
    assert decoder.feed(data)[-1] == TextDelta("Hel")
    with pytest.raises(ProviderError, match="no room"):
        decoder.close()


def test_values_of_another_type_are_errors_of_ours() -> None:
    for name, dialect in (("chat", CHAT), ("calls", CHAT), ("generate", GENERATE)):
        for line in recorded(name).splitlines():
            checks.check_wrong_types(dialect, json.loads(line))

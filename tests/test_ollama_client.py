"""Ollama's own client against what our dialect of it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from pellucid.dialects import ollama
from pellucid.dialects.base import Failure, Head, Incoming
from pellucid.dialects.embedding import Embeddings
from pellucid.dialects.ollama import embeddings as vectors
from pellucid.dialects.ollama import generate
from pellucid.errors import BadRequest
from pellucid.messages import Media, ResponseFormat, ToolResult
from pellucid.replies import (
    NO_ID,
    Candidate,
    Event,
    Finish,
    ReplyToken,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
    collect,
)
from wire_server import Answer, as_json, serving

client_library = pytest.importorskip("ollama")
HEAD = Head("r-1", "llama3.2", 1_760_000_000)
USAGE = UsageEvent(Usage(fresh=3, output=2), reading=30.0, writing=20.0)
HELLO: list[Event] = [TextDelta("Hel"), TextDelta("lo é"), USAGE, Finish("stop")]


@contextmanager
def client(*turns: Sequence[Event]) -> Iterator[tuple[Any, list[Incoming]]]:
    """Ollama's client, at a server that gives these replies one after the other."""
    asked: list[Incoming] = []
    replies = iter(turns)

    def handle(path: str, body: dict[str, Any]) -> Answer:
        dialect = generate if path == "/api/generate" else ollama
        try:
            if path.startswith("/api/embed"):
                incoming = vectors.decode_embed_request(body, path)
                found = Embeddings(tuple((0.5, float(len(t))) for t in incoming.request.texts), 9)
                return as_json(vectors.encode_embeddings(found, "m", single=incoming.single))
            asked.append(dialect.decode_request(body, path))
        except BadRequest as error:
            return as_json(ollama.encode_error(Failure(400, "rejected", str(error))), 400)
        events = next(replies)
        if not asked[-1].stream:
            return as_json(dialect.encode_reply(collect(events), HEAD))
        encoder = dialect.Encoder(HEAD)
        return 200, "application/x-ndjson", [*map(encoder.encode, events), encoder.end()]

    with serving(handle) as address:
        yield client_library.Client(host=address), asked


def user(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def test_chat_whole_and_streamed() -> None:
    with client(HELLO, HELLO) as (theirs, asked):
        message = user("Hi", images=[b"\x89PNG\r\n\x1a\n"])
        whole = theirs.chat("llama3.2", [message], options={"num_predict": 9, "temperature": 0.5})
        assert whole.message.content == "Hello é"
        assert (whole.done, whole.done_reason, whole.model) == (True, "stop", "llama3.2")
        assert (whole.prompt_eval_count, whole.eval_count) == (3, 2)
        parts = list(theirs.chat("llama3.2", [user("Hi")], stream=True))
        assert [part.message.content for part in parts] == ["Hel", "lo é", ""]
        end = parts[-1]
        assert (end.done, end.eval_count, end.eval_duration) == (True, 2, 100_000_000)
        assert (end.prompt_eval_count, end.prompt_eval_duration) == (3, 100_000_000)
    assert (asked[0].stream, asked[1].stream, asked[0].notes) == (False, True, ())
    assert asked[0].request.messages[0].parts[1] == Media(
        "image", "image/png", b"\x89PNG\r\n\x1a\n"
    )
    assert asked[0].request.options.max_tokens == 9


def test_the_asynchronous_client() -> None:
    async def run(address: str) -> str:
        theirs = client_library.AsyncClient(host=address)
        stream = await theirs.chat("llama3.2", [user("Hi")], stream=True)
        return "".join([part.message.content async for part in stream])

    with client(HELLO) as (theirs, _):
        assert asyncio.run(run(str(theirs._client.base_url))) == "Hello é"


def test_generate_whole_streamed_and_raw() -> None:
    thinking: list[Event] = [ThinkingDelta("Hm."), *HELLO]
    with client(thinking, HELLO, HELLO) as (theirs, asked):
        whole = theirs.generate("llama3.2", "Why?", system="Be brief.", think=True)
        assert (whole.response, whole.thinking, whole.eval_count) == ("Hello é", "Hm.", 2)
        parts = list(theirs.generate("llama3.2", "Why?", stream=True))
        assert [part.response for part in parts] == ["Hel", "lo é", ""]
        theirs.generate("llama3.2", "<s>Why?", raw=True)
    assert [message.text for message in asked[0].request.messages] == ["Be brief.", "Why?"]
    assert asked[0].request.options.effort == "medium"
    assert asked[2].raw == "<s>Why?"


def test_tools() -> None:
    def weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        return f"Sunny in {city}."

    calls: list[Event] = [
        ToolCallDelta(0, "c1", "weather", '{"city": '),
        ToolCallDelta(0, arguments='"Rome"}'),
        USAGE,
        Finish("tool_calls"),
    ]
    with client(calls, HELLO) as (theirs, asked):
        messages: list[Any] = [user("Weather?")]
        first = list(theirs.chat("llama3.2", messages, tools=[weather], stream=True))
        call = first[0].message.tool_calls[0].function
        assert (call.name, call.arguments) == ("weather", {"city": "Rome"})
        result = {"role": "tool", "content": weather(**call.arguments), "tool_name": call.name}
        messages += [first[0].message, result]
        assert theirs.chat("llama3.2", messages).message.content == "Hello é"
    assert asked[0].request.tools[0].parameters["properties"]["city"]["type"] == "string"
    assert asked[1].request.messages[2].parts == (
        ToolResult("call_1", "weather", "Sunny in Rome."),
    )


def test_answers_that_fit_a_schema_and_their_probabilities() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    token = ReplyToken(NO_ID, b"{", -0.5, (Candidate(NO_ID, b"[", -1.5),))
    events: list[Event] = [TextDelta('{"age": 3}', (token,)), Finish("length")]
    with client(events, events) as (theirs, asked):
        for reply in (
            theirs.chat("m", [user("?")], format=schema, logprobs=True, top_logprobs=1),
            theirs.generate("m", "?", format="json", logprobs=True),
        ):
            assert reply.done_reason == "length"
            assert (reply.logprobs[0].token, reply.logprobs[0].logprob) == ("{", -0.5)
            assert reply.logprobs[0].top_logprobs[0].token == "["
    assert asked[0].request.response_format == ResponseFormat(schema)
    assert asked[0].request.options.alternatives == 1
    assert asked[1].request.options.alternatives == 0


def test_embeddings() -> None:
    with client() as (theirs, _):
        found = theirs.embed("m", ["a", "bcd"])
        assert [list(vector) for vector in found.embeddings] == [[0.5, 1.0], [0.5, 3.0]]
        assert found.prompt_eval_count == 9
        assert list(theirs.embeddings("m", "ab").embedding) == [0.5, 2.0]


def test_errors_before_and_in_the_stream() -> None:
    with (
        client() as (theirs, _),
        pytest.raises(client_library.ResponseError, match="top_p") as error,
    ):
        theirs.chat("m", [user("?")], options={"top_p": 2})
    assert error.value.status_code == 400

    def handle(path: str, body: dict[str, Any]) -> Answer:
        encoder = ollama.Encoder(HEAD)
        broken = encoder.fail(Failure(503, "overloaded", "No room left."))
        return 200, "application/x-ndjson", [encoder.encode(TextDelta("Hel")), broken]

    with serving(handle) as address:
        stream = client_library.Client(host=address).chat("m", [user("?")], stream=True)
        assert next(stream).message.content == "Hel"
        with pytest.raises(client_library.ResponseError, match="No room left"):
            next(stream)

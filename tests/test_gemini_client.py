"""Google's own client against what our Gemini dialect writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from pellucid.dialects import gemini
from pellucid.dialects.base import Failure, Head, Incoming
from pellucid.dialects.embedding import Embeddings
from pellucid.dialects.gemini import embeddings as vectors
from pellucid.errors import BadRequest
from pellucid.messages import Media, Signature, ToolCall, ToolResult
from pellucid.replies import (
    Candidate,
    Event,
    Finish,
    MediaEvent,
    ReplyToken,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
    collect,
)
from wire_server import Answer, as_json, serving

genai = pytest.importorskip("google.genai")
types = genai.types
HEAD = Head("r-1", "gemini-x", 1_760_000_000)
USAGE = UsageEvent(Usage(fresh=3, cache_read=4, output=2, reasoning=5))
HELLO: list[Event] = [TextDelta("Hel"), TextDelta("lo é"), USAGE, Finish("stop")]


@contextmanager
def client(*turns: Sequence[Event]) -> Iterator[tuple[Any, list[Incoming]]]:
    """Google's client, at a server that gives these replies one after the other."""
    asked: list[Incoming] = []
    replies = iter(turns)

    def handle(path: str, body: dict[str, Any]) -> Answer:
        try:
            if "mbedContent" in path:
                incoming = vectors.decode_embed_request(body, path)
                found = Embeddings(tuple((0.5, float(len(t))) for t in incoming.request.texts))
                return as_json(vectors.encode_embeddings(found, single=incoming.single))
            asked.append(gemini.decode_request(body, path))
        except BadRequest as error:
            failure = Failure(400, "rejected", str(error), field=error.field)
            return as_json(gemini.encode_error(failure), 400)
        if path.endswith(":countTokens"):
            return as_json(vectors.encode_count(31))
        events = next(replies)
        if not asked[-1].stream:
            return as_json(gemini.encode_reply(collect([Started("r-1"), *events]), HEAD))
        encoder = gemini.Encoder(HEAD)
        return 200, "text/event-stream", [*map(encoder.encode, events), encoder.end()]

    with serving(handle) as address:
        options = types.HttpOptions(base_url=address, api_version="v1beta")
        yield genai.Client(api_key="test-key", http_options=options), asked


def test_text_whole_and_streamed() -> None:
    with client(HELLO, HELLO) as (google, asked):
        whole = google.models.generate_content(
            model="gemini-x",
            contents=["Hi", types.Part.from_bytes(data=b"\x89PNG\xff", mime_type="image/png")],
            config=types.GenerateContentConfig(
                system_instruction="Be brief.", temperature=0.5, max_output_tokens=9, top_k=4
            ),
        )
        assert whole.text == "Hello é"
        assert whole.candidates[0].finish_reason == types.FinishReason.STOP
        usage = whole.usage_metadata
        assert (usage.prompt_token_count, usage.cached_content_token_count) == (7, 4)
        assert (usage.candidates_token_count, usage.thoughts_token_count) == (2, 5)
        assert (whole.response_id, whole.model_version) == ("r-1", "gemini-x")
        chunks = list(google.models.generate_content_stream(model="gemini-x", contents="Hi"))
        assert [chunk.text for chunk in chunks] == ["Hel", "lo é", ""]
    request = asked[0].request
    assert request.messages[0].text == "Be brief."
    assert request.messages[1].parts[1] == Media("image", "image/png", b"\x89PNG\xff")
    assert (request.options.temperature, request.options.max_tokens) == (0.5, 9)
    assert (request.options.top_k, asked[0].notes, asked[1].stream) == (4, (), True)


def test_the_asynchronous_client() -> None:
    async def run(google: Any) -> str:
        stream = await google.aio.models.generate_content_stream(model="gemini-x", contents="Hi")
        return "".join([chunk.text async for chunk in stream])

    with client(HELLO) as (google, _):
        assert asyncio.run(run(google)) == "Hello é"


def test_a_chat_keeps_thoughts_signatures_and_calls() -> None:
    signature = Signature("gemini", "AY89a18i/OcFus5+r5Q=")
    calls: list[Event] = [
        ThinkingDelta("Let me look."),
        ToolCallDelta(0, "c1", "weather", '{"city": "Zürich"}', signature),
        USAGE,
        Finish("tool_calls"),
    ]
    tool = types.Tool(
        function_declarations=[
            {
                "name": "weather",
                "description": "The weather.",
                "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
            }
        ]
    )
    with client(calls, HELLO, HELLO) as (google, asked):
        chat = google.chats.create(
            model="gemini-x", config=types.GenerateContentConfig(tools=[tool])
        )
        reply = chat.send_message("Weather?")
        assert reply.function_calls[0].args == {"city": "Zürich"}
        answer = types.Part.from_function_response(name="weather", response={"result": "sunny"})
        assert [c.text for c in chat.send_message_stream(answer)] == ["Hel", "lo é", ""]
        chat.send_message("Thanks")
    assert asked[0].request.tools[0].parameters == {
        "type": "object",
        "properties": {"city": {"type": "string"}},
    }
    _, model, result, said, _ = asked[2].request.messages
    call = model.parts[1]
    assert isinstance(call, ToolCall)
    assert (call.id, call.arguments) == ("c1", '{"city": "Zürich"}')
    assert call.signature and call.signature.data.replace("-", "+").replace("_", "/") == (
        signature.data
    )
    assert result.parts == (ToolResult("c1", "weather", "sunny"),)
    assert said.text == "Hello é"


def test_functions_that_the_client_calls_by_itself() -> None:
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"Sunny in {city}."

    call: list[Event] = [ToolCallDelta(0, "", "weather", '{"city": "Rome"}'), Finish("tool_calls")]
    with client(call, HELLO) as (google, asked):
        config = types.GenerateContentConfig(tools=[weather])
        reply = google.models.generate_content(model="gemini-x", contents="Hi", config=config)
    assert reply.text == "Hello é"
    result = asked[1].request.messages[-1].parts[0]
    assert isinstance(result, ToolResult)
    assert (result.name, result.text) == ("weather", "Sunny in Rome.")


def test_answers_that_fit_a_schema() -> None:
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str
        age: int

    said: list[Event] = [TextDelta('{"name": "Ada", "age": 36}'), Finish("stop")]
    with client(said) as (google, asked):
        config = types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=Person
        )
        reply = google.models.generate_content(model="gemini-x", contents="Who?", config=config)
    assert reply.parsed == Person(name="Ada", age=36)
    answer = asked[0].request.response_format
    assert answer and answer.schema
    assert answer.schema["properties"]["age"]["type"] == "integer"


def test_pictures_probabilities_and_a_blocked_answer() -> None:
    token = ReplyToken(7, b"Hi", -0.5, (Candidate(8, b"Ho", -1.5),))
    picture = MediaEvent(Media("image", "image/png", b"\x89PNG"))
    first: list[Event] = [TextDelta("Hi", (token,)), picture, Finish("length")]
    with client(first, [Finish("refusal")]) as (google, asked):
        config = types.GenerateContentConfig(
            response_logprobs=True, logprobs=1, thinking_config={"thinking_level": "LOW"}
        )
        reply = google.models.generate_content(model="gemini-x", contents="?", config=config)
        assert reply.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
        assert reply.candidates[0].content.parts[1].inline_data.data == b"\x89PNG"
        chosen = reply.candidates[0].logprobs_result
        assert chosen.chosen_candidates[0].token_id == 7
        assert chosen.top_candidates[0].candidates[0].log_probability == -1.5
        refused = google.models.generate_content(model="gemini-x", contents="?")
        assert refused.candidates[0].finish_reason == types.FinishReason.SAFETY
    assert (asked[0].request.options.alternatives, asked[0].request.options.effort) == (1, "low")


def test_counts_and_embeddings() -> None:
    with client() as (google, asked):
        assert google.models.count_tokens(model="gemini-x", contents="Hi").total_tokens == 31
        found = google.models.embed_content(model="embed-x", contents=["a", "bcd"])
        assert [item.values for item in found.embeddings] == [[0.5, 1.0], [0.5, 3.0]]
    assert asked[0].request.messages[0].text == "Hi"


def test_errors_reach_the_client() -> None:
    with client() as (google, _):
        config = types.GenerateContentConfig(candidate_count=3)
        with pytest.raises(genai.errors.ClientError) as error:
            google.models.generate_content(model="gemini-x", contents="Hi", config=config)
        assert error.value.code == 400
        assert error.value.status == "INVALID_ARGUMENT"
        assert "candidateCount" in error.value.message


def test_a_stream_that_breaks_is_an_error_there_too() -> None:
    def handle(path: str, body: dict[str, Any]) -> Answer:
        encoder = gemini.Encoder(HEAD)
        broken = encoder.fail(Failure(503, "overloaded", "No room left."))
        return 200, "text/event-stream", [encoder.encode(TextDelta("Hel")), broken]

    with serving(handle) as address:
        google = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=address))
        stream = google.models.generate_content_stream(model="gemini-x", contents="Hi")
        assert next(stream).text == "Hel"
        with pytest.raises(genai.errors.ServerError, match="No room left"):
            next(stream)

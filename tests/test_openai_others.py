"""OpenAI's embeddings, pictures, sound and plain completions, with its own client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from pellucid.dialects import openai_completions as completions
from pellucid.dialects import openai_embeddings as embeddings
from pellucid.dialects import openai_images as images
from pellucid.dialects import openai_speech as speech
from pellucid.dialects import openai_transcription as transcription
from pellucid.dialects.base import Failure, Head
from pellucid.dialects.embedding import Embeddings, EmbedRequest
from pellucid.errors import BadReply, BadRequest, IncompleteReply
from pellucid.messages import Media, Options, text_message
from pellucid.replies import (
    NO_ID,
    Candidate,
    Finish,
    Reply,
    ReplyToken,
    TextDelta,
    Usage,
    UsageEvent,
    collect,
)
from wire_server import Answer, as_json, serving

VECTORS = ((0.5, -0.25, 1.0), (0.0, 2.0, -8.0))
TOKEN = ReplyToken(NO_ID, b" a", -0.5, (Candidate(NO_ID, b" b", float("-inf")),))
EVENTS = [
    TextDelta(" a", (TOKEN,)),
    TextDelta(" b", (TOKEN,)),
    UsageEvent(Usage(3, 0, 0, 2, 0)),
    Finish("length"),
]
PICTURE = Media("image", "image/png", b"\x89PNG")


def handle(path: str, body: dict[str, Any]) -> Answer:
    if path == "/v1/embeddings":
        read = embeddings.decode_embed_request(body)
        assert read.request == EmbedRequest(("one", "two"), 3)
        answer = Embeddings(VECTORS, 4, read.model)
        encoding = embeddings.wanted_encoding(body)
        return as_json(embeddings.encode_embeddings(answer, read.model, encoding))
    if path == "/v1/images/generations":
        asked = images.decode_image_request(body)
        assert asked.request == images.ImageRequest("a cat", 2, (1024, 512))
        return as_json(images.encode_images([PICTURE] * asked.request.count, 1))
    if path == "/v1/audio/speech":
        spoken = speech.decode_speech_request(body)
        assert spoken.request == speech.SpeechRequest("Hello", "alloy", "wav", 1.5)
        return 200, speech.FORMATS[spoken.request.format], [b"RIFF"]
    assert path == "/v1/completions"
    plain = completions.decode_completion_request(body)
    head = Head("cmpl-1", plain.model, 1, plain.include_usage)
    if not plain.stream:
        replies = [collect(EVENTS)] * len(plain.prompts)
        return as_json(completions.encode_completions(replies, head))
    encoder = completions.CompletionEncoder(head)
    pieces = [encoder.start(), *map(encoder.encode, EVENTS), encoder.end()]
    return 200, "text/event-stream", pieces


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with (
        serving(handle) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


@pytest.mark.parametrize("encoding", [{}, {"encoding_format": "float"}])
def test_embeddings(client: openai.OpenAI, encoding: Any) -> None:
    answer = client.embeddings.create(model="m", input=["one", "two"], dimensions=3, **encoding)
    assert tuple(tuple(item.embedding) for item in answer.data) == VECTORS
    assert answer.usage.prompt_tokens == 4


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_there_and_back(encoding: Any) -> None:
    out = embeddings.encode_embed_request(EmbedRequest(("a",), 3, "query"), "m")
    assert "purpose" in out.notes[0]
    assert embeddings.decode_embed_request(out.body).request == EmbedRequest(("a",), 3)
    body = embeddings.encode_embeddings(Embeddings(VECTORS, 4, "m"), "m", encoding)
    body["data"].reverse()  # the index counts, not the place
    assert embeddings.decode_embeddings(json.loads(json.dumps(body))) == Embeddings(VECTORS, 4, "m")


def test_embeddings_of_ids() -> None:
    for given in ([[1, 2], [3]], [1, 2]):
        read = embeddings.decode_embed_request({"model": "m", "input": given}).request
        assert read.texts == () and read.ids[0] == (1, 2)
        assert embeddings.encode_embed_request(read, "m").body["input"] == list(read.ids)
    for wrong in ([[]], [1, "a"], [True], [[1], "a"], [[1], [-1]], [["a"]], ["a", 1], [1.5]):
        with pytest.raises(BadRequest):
            embeddings.decode_embed_request({"model": "m", "input": wrong})


@pytest.mark.parametrize("body", [{}, {"data": 3}, {"data": [{"embedding": "?"}]}, {"data": [3]}])
def test_what_is_no_answer(body: dict[str, Any]) -> None:
    with pytest.raises(BadReply):
        embeddings.decode_embeddings(body)
    with pytest.raises(BadReply):
        images.decode_images(body)
    with pytest.raises(BadReply):
        transcription.decode_transcript(body)


def test_pictures(client: openai.OpenAI) -> None:
    answer = client.images.generate(model="m", prompt="a cat", n=2, size="1024x512")
    assert answer.data is not None and len(answer.data) == 2
    assert images.decode_images(answer.model_dump()) == (PICTURE, PICTURE)
    assert images.decode_images({"data": [{"url": "https://example.org/a"}]})[0].url is not None
    request = images.ImageRequest("a cat", 2, (64, 64), "high", "image/webp")
    out = images.encode_image_request(request, "m")
    assert images.decode_image_request(out.body).request == request


def test_speech(client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(
        model="m", voice="alloy", input="Hello", response_format="wav", speed=1.5
    )
    assert answer.read() == b"RIFF"
    request = speech.SpeechRequest("Hello", "alloy", "pcm", 2.0, "softly")
    assert speech.decode_speech_request(
        speech.encode_speech_request(request, "m").body
    ).request == (request)


def test_transcription() -> None:
    audio = Media("audio", "audio/wav", b"RIFF")
    request = transcription.TranscriptionRequest(audio, "en", "Hi", 0.5)
    form = transcription.encode_transcription_request(request, "m")
    read = transcription.decode_transcription_request(form, audio)
    assert (read.request, read.model, read.format) == (request, "m", "json")
    segments = (
        transcription.Segment(0.0, 1.25, " Héllo."),
        transcription.Segment(3599.9996, 3661.5, " Bye."),
    )
    said = transcription.Transcript("Héllo. Bye.", "en", 3661.5, segments)
    verbose = transcription.encode_transcript(said, "verbose_json")
    assert transcription.decode_transcript(json.loads(verbose)) == said
    assert transcription.encode_transcript(said, "srt") == (
        "1\n00:00:00,000 --> 00:00:01,250\nHéllo.\n\n2\n01:00:00,000 --> 01:01:01,500\nBye.\n\n"
    )
    assert transcription.encode_transcript(said, "vtt").startswith(
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nHéllo.\n\n"
    )
    assert transcription.encode_transcript(said, "text") == "Héllo. Bye.\n"
    assert json.loads(transcription.encode_transcript(said, "json")) == {"text": "Héllo. Bye."}


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="m", prompt=["One", "Two"], logprobs=1)
    assert [choice.text for choice in answer.choices] == [" a b", " a b"]
    assert answer.usage is not None and answer.usage.total_tokens == 10
    logprobs = answer.choices[1].logprobs
    assert logprobs is not None
    assert (logprobs.tokens, logprobs.text_offset) == ([" a", " a"], [0, 2])
    assert logprobs.top_logprobs == [{" b": -9999.0}] * 2
    options: Any = {"include_usage": True}
    with client.completions.create(
        model="m", prompt="One", stream=True, stream_options=options
    ) as chunks:
        read = list(chunks)
    assert "".join(c.choices[0].text for c in read if c.choices) == " a b"
    assert read[-2].choices[0].finish_reason == "length"
    assert read[1].choices[0].logprobs is not None
    assert read[1].choices[0].logprobs.text_offset == [2]
    assert read[-1].usage is not None


def test_completions_read() -> None:
    body = {"model": "m", "prompt": [[1, 2], [3]], "seed": 4, "user": "u", "echo": True}
    read = completions.decode_completion_request(body)
    assert read.prompts == ((1, 2), (3,)) and read.echo
    assert read.options == Options(max_tokens=16, seed=4)
    assert read.notes == ("user means nothing here and was left out.",)


def test_a_broken_completion_is_an_error() -> None:
    head = Head("cmpl-1", "m", 1)
    encoder = completions.CompletionEncoder(head)
    with pytest.raises(IncompleteReply):
        encoder.encode(Finish("error"))
    assert b'"message":"Gone."' in encoder.fail(Failure(500, "server", "Gone."))
    with pytest.raises(IncompleteReply):
        broken = Reply(text_message("assistant", "a"), "cut", Usage())
        completions.encode_completions([broken], head)


@pytest.mark.parametrize(
    ("decode", "body", "field"),
    [
        (embeddings.decode_embed_request, {"model": "m"}, "input"),
        (embeddings.decode_embed_request, {"model": "m", "input": [[1], "a"]}, "input[1]"),
        (embeddings.decode_embed_request, {"model": "m", "input": ["a", 1]}, "input[1]"),
        (
            embeddings.decode_embed_request,
            {"model": "m", "input": "a", "encoding_format": "x"},
            "encoding_format",
        ),
        (images.decode_image_request, {}, "prompt"),
        (images.decode_image_request, {"prompt": "a", "size": "big"}, "size"),
        (images.decode_image_request, {"prompt": "a", "n": 99}, "n"),
        (speech.decode_speech_request, {"model": "m", "input": "a"}, "voice"),
        (speech.decode_speech_request, {"speed": float("nan")}, "speed"),
        (completions.decode_completion_request, {"model": "m"}, "prompt"),
        (completions.decode_completion_request, {"model": "m", "prompt": [1, "a"]}, "prompt[1]"),
        (completions.decode_completion_request, {"prompt": "a", "best_of": 2}, "best_of"),
    ],
)
def test_bad_requests_name_their_field(decode: Any, body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as error:
        decode(body)
    assert error.value.field == field


def test_a_bad_form_names_its_field() -> None:
    audio = Media("audio", "audio/wav", b"RIFF")
    for form, field in (
        ({}, "model"),
        ({"response_format": "mp3"}, "response_format"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": "true"}, "stream"),
    ):
        with pytest.raises(BadRequest) as error:
            transcription.decode_transcription_request(form, audio)
        assert error.value.field == field

"""What we make of the APIs that the engine itself, llama.cpp, speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialect_server import ask, post
from pellucid.dialects import anthropic as messages
from pellucid.dialects import openai_chat as chat
from pellucid.dialects import openai_responses as responses
from pellucid.dialects.base import Dialect
from pellucid.engine import process
from pellucid.messages import (
    Message,
    Options,
    Request,
    ResponseFormat,
    Text,
    ToolCall,
    ToolResult,
    text_message,
)
from pellucid.replies import NO_ID, Reply, collect
from pellucid.settings import Folders, resolve

OPENING = (
    text_message("system", "Be brief."),
    text_message("user", "What is the capital of France?"),
    Message("assistant", (Text("I look."), ToolCall("call_1", "look", '{"city": "Paris"}'))),
    Message("tool", (ToolResult("call_1", "look", "Paris"),)),
)


@pytest.fixture(scope="module")
def engine(smol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Engine]:
    home = tmp_path_factory.mktemp("engine")
    folders = Folders(*(home / name for name in ("config", "data", "cache", "state")))
    yield process.ensure(process.EngineModel(smol, 2048), resolve({}, {}, "test"), folders)
    for engine in process.running(folders):
        process.stop(engine, patience=0.5)


def both(engine: process.Engine, dialect: Dialect, request: Request) -> tuple[Reply, Reply]:
    """What the engine answers in a stream, and whole: the same."""
    streamed, whole = (
        collect(ask(dialect, engine, request, stream=stream)) for stream in (True, False)
    )
    assert streamed.text
    assert (streamed.text, streamed.finish) == (whole.text, whole.finish)
    assert streamed.usage.input_total == whole.usage.input_total > 5
    return streamed, whole


def test_messages(engine: process.Engine) -> None:
    request = Request(OPENING, options=Options(temperature=0, max_tokens=8))
    streamed, whole = both(engine, messages, request)
    assert streamed.usage.output == whole.usage.output > 0
    assert streamed.id and streamed.model

    out = messages.encode_count_request(request, "m")
    count = messages.decode_count(json.loads(post(engine, out.path, out.body).read()))
    assert count == whole.usage.input_total
    refused = post(engine, "messages", {"model": "m"})
    failure = messages.decode_error(refused.status, refused.read())
    assert "messages" in failure.message


def test_chat_completions(engine: process.Engine) -> None:
    question = text_message("user", "What is the capital of France?")
    options = Options(temperature=0, max_tokens=12, alternatives=3)
    request = Request((question,), options=options)
    streamed, whole = both(engine, chat, request)
    assert streamed.usage.known == whole.usage.known == "reported"
    assert streamed.usage.output == len(streamed.tokens) == len(whole.tokens)
    assert all(token.logprob is not None and token.id != NO_ID for token in streamed.tokens)
    assert all(len(token.alternatives) == 3 for token in streamed.tokens)

    form = ResponseFormat({"type": "object", "properties": {"n": {"enum": [7]}}, "required": ["n"]})
    options = Options(temperature=0, max_tokens=20)
    request = Request((question,), options=options, response_format=form)
    assert json.loads(collect(ask(chat, engine, request, stream=True)).text) == {"n": 7}
    assert streamed.id and streamed.model


def test_responses(engine: process.Engine) -> None:
    conversation = (*OPENING, text_message("assistant", "Paris."), text_message("user", "Again?"))
    request = Request(conversation, options=Options(temperature=0, max_tokens=8))
    streamed, whole = both(engine, responses, request)
    assert streamed.usage.output == whole.usage.output > 0
    assert streamed.id
    refused = post(engine, "responses", {"model": "m"})
    failure = responses.decode_error(refused.status, refused.read())
    assert (failure.kind, failure.message) == ("rejected", "'input' is required")

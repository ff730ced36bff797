"""Clients that others wrote, pointed at the server as a course would: only the address differs."""

from __future__ import annotations

import json
import math
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import client_suites
from pellucid.engine import process
from pellucid.messages import Message, Text, ToolCall
from pellucid.models.scripted import Scripted
from pellucid.settings import Folders, load
from served import Served, served

pytestmark = pytest.mark.timeout(120)
ASK = [{"role": "user", "content": "Say hello."}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 10}},
    "required": ["city"],
    "additionalProperties": False,
}
CALL = Message(
    "assistant", (Text("Let me look."), ToolCall("call_7", "weather", '{"city":"Oslo"}'))
)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, smol: Path, weights_folder: Path
) -> Iterator[Served]:
    """SmolLM2 on the engine, answering for every name, and a script that calls a tool."""
    home = tmp_path_factory.mktemp("clients")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        patch.setenv("HOME", str(home))
        patch.setenv("PELLUCID_WINDOW", "1024")
        (home / "cache" / "pellucid").mkdir(parents=True)
        (home / "cache" / "pellucid" / "weights").symlink_to(weights_folder)
        tools = Scripted([CALL] * 20, name="tools")
        with served({"tools": tools}, default="small", store=home / "receipts.db") as running:
            yield running
        for engine in process.running(Folders.of()):
            process.stop(engine)


@pytest.fixture(scope="module")
def openai(server: Served) -> Any:
    import openai

    return openai.OpenAI(base_url=f"{server.base}/v1", api_key="none", max_retries=0)


def test_openai_chat(openai: Any) -> None:
    reply = openai.chat.completions.create(
        model="gpt-4o-mini", messages=ASK, max_tokens=8, temperature=0
    )
    assert reply.model == "gpt-4o-mini"
    assert reply.choices[0].message.content.strip()
    assert reply.choices[0].finish_reason in ("stop", "length")
    assert reply.usage.prompt_tokens > 10
    assert 0 < reply.usage.completion_tokens <= 9
    assert reply.choices[0].logprobs is None


def test_openai_streaming(openai: Any) -> None:
    same = {"model": "x", "messages": ASK, "max_tokens": 8, "temperature": 0, "seed": 1}
    whole = openai.chat.completions.create(**same)
    stream = openai.chat.completions.create(
        **same, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_openai_logprobs(openai: Any) -> None:
    reply = openai.chat.completions.create(
        model="x", messages=ASK, max_tokens=5, seed=1, logprobs=True, top_logprobs=3
    )
    tokens = reply.choices[0].logprobs.content
    said = b"".join(bytes(t.bytes) for t in tokens)  # a token may be a part of a character
    assert said.startswith(reply.choices[0].message.content.encode())
    assert all(len(t.top_logprobs) == 3 and 0 < math.exp(t.logprob) <= 1 for t in tokens)


def test_openai_json(openai: Any) -> None:
    reply = openai.chat.completions.create(
        model="x",
        messages=[{"role": "user", "content": "Name a city."}],
        max_tokens=60,
        temperature=0,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
        },
    )
    assert list(json.loads(reply.choices[0].message.content)) == ["city"]


def test_openai_tools(openai: Any) -> None:
    tool = {"name": "weather", "description": "Now.", "parameters": SCHEMA}
    asked = {"model": "tools", "messages": ASK, "tools": [{"type": "function", "function": tool}]}
    choice = openai.chat.completions.create(**asked).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function.name == "weather"
    back = [
        *ASK,
        choice.message,
        {"role": "tool", "tool_call_id": choice.message.tool_calls[0].id, "content": "rain"},
    ]
    assert openai.chat.completions.create(**{**asked, "messages": back}).choices
    with openai.chat.completions.stream(**asked) as stream:
        final = stream.get_final_completion()
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == {"city": "Oslo"}


def test_openai_tools_on_a_small_model(openai: Any, server: Served) -> None:
    """It is asked beforehand whether the message needs one."""
    tool = {"name": "weather", "description": "The weather in a city.", "parameters": SCHEMA}
    asked = {"messages": ASK, "tools": [{"type": "function", "function": tool}], "max_tokens": 20}
    raw = openai.chat.completions.with_raw_response.create(model="x", **asked)
    receipt = server.get(f"/receipts/{raw.headers['x-pellucid-receipt']}").json
    (note,) = [each for each in receipt["notes"] if "whether this message needs a tool" in each]
    called = raw.parse().choices[0].finish_reason == "tool_calls"
    assert ("the likeliest call" in note) == called or "length" in raw.text


def test_openai_others(openai: Any) -> None:
    text = openai.completions.create(model="x", prompt="One, two, three,", max_tokens=6)
    assert text.choices[0].text and text.usage.completion_tokens
    reply = openai.responses.create(model="x", input="Say hello.", max_output_tokens=16)
    assert reply.output_text
    kinds = [
        e.type
        for e in openai.responses.create(
            model="x", input="Say hello.", max_output_tokens=16, stream=True
        )
    ]
    assert kinds[0] == "response.created" and kinds[-1].startswith("response.")
    assert "smollm2-135m" in [model.id for model in openai.models.list()]


def test_openai_errors(server: Served, openai: Any) -> None:
    import openai as library

    long = [{"role": "user", "content": "word " * 5000}]
    with pytest.raises(library.BadRequestError) as raised:
        openai.chat.completions.create(model="x", messages=long)
    assert raised.value.code == "context_length_exceeded"
    with pytest.raises(library.BadRequestError) as raised:
        openai.chat.completions.create(model="x", messages=ASK, temperature=-1)
    assert raised.value.param == "temperature"


def test_openai_embeddings(openai: Any) -> None:
    found = openai.embeddings.create(
        model="text-embedding-3-small", input=["a cat", "a kitten", "tax law"]
    )
    cat, kitten, law = (row.embedding for row in found.data)
    assert len(cat) == 384
    assert _dot(cat, kitten) > _dot(cat, law)


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_openai_on_geminis_address(server: Served) -> None:
    import openai

    client = openai.OpenAI(base_url=f"{server.base}/v1beta/openai/", api_key="none")
    reply = client.chat.completions.create(model="gemini-2.5-flash", messages=ASK, max_tokens=4)
    assert reply.choices[0].message.content


def test_anthropic(server: Served) -> None:
    import anthropic

    client = anthropic.Anthropic(base_url=server.base, api_key="none", max_retries=0)
    same: Any = {"model": "claude-haiku-9", "max_tokens": 8, "messages": ASK}
    message = client.messages.create(**same, system="Be brief.")
    assert message.content[0].text.strip()
    count = client.messages.count_tokens(model="claude-haiku-9", messages=ASK, system="Be brief.")
    used = message.usage
    assert count.input_tokens == used.input_tokens + (used.cache_read_input_tokens or 0)
    with client.messages.stream(**same) as stream:
        text = "".join(stream.text_stream)
        assert stream.get_final_message().content[0].text == text
    tool: Any = {"name": "weather", "description": "Now.", "input_schema": SCHEMA}
    called = client.messages.create(model="tools", max_tokens=50, messages=ASK, tools=[tool])
    assert called.stop_reason == "tool_use"
    assert called.content[1].input == {"city": "Oslo"}
    assert "smollm2-135m" in [model.id for model in client.models.list()]
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(**{**same, "messages": [{"role": "user", "content": "w " * 9000}]})
    assert raised.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index]


def test_ollama(server: Served) -> None:
    import ollama

    client = ollama.Client(server.base)
    reply = client.chat(model="llama3.2", messages=ASK, options={"num_predict": 6})
    assert reply.message.content and reply.done and reply.eval_count
    parts = list(
        client.chat(model="llama3.2", messages=ASK, stream=True, options={"num_predict": 6})
    )
    assert parts[-1].done and "".join(p.message.content or "" for p in parts)
    written = client.generate(model="llama3.2", prompt="Hi", options={"num_predict": 4})
    assert written.response
    for timed in (reply, parts[-1], written):
        assert timed.eval_duration and (timed.total_duration or 0) >= timed.eval_duration
    raw = client.generate(model="x", prompt="One, two,", raw=True, options={"num_predict": 4})
    assert raw.prompt_eval_count and raw.prompt_eval_count < 8
    structured = client.chat(
        model="x", messages=ASK, format=SCHEMA, options={"num_predict": 60, "temperature": 0}
    )
    assert list(json.loads(structured.message.content or "")) == ["city"]
    assert client.chat(model="tools", messages=ASK).message.tool_calls
    assert "smollm2-135m" in [model.model for model in client.list().models]
    assert client.show("smollm2-135m").capabilities == ["completion"]
    assert "smollm2-135m" in [model.model for model in client.ps().models]
    assert len(client.embed(model="minilm", input="a cat").embeddings[0]) == 384
    assert [step.status for step in client.pull("smollm2-135m", stream=True)][-1] == "success"
    assert client.generate(model="x").done_reason == "load"
    with pytest.raises(ollama.ResponseError) as raised:
        client.pull("no-such-model")
    assert raised.value.status_code == 404


def test_ollama_without_a_client(server: Served) -> None:
    """As `requests.post` and curl send it: no content type worth the name."""
    body: dict[str, Any] = {"model": "llama3.2", "messages": ASK, "stream": False}
    body["options"] = {"num_predict": 6}
    request = urllib.request.Request(f"{server.base}/api/chat", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["message"]["content"]


def test_gemini(server: Served) -> None:
    from google import genai

    client = genai.Client(api_key="none", http_options={"base_url": server.base})
    short: Any = {"max_output_tokens": 6}
    reply = client.models.generate_content(model="gemini-2.5-flash", contents="Hi", config=short)
    assert reply.text
    stream = client.models.generate_content_stream(
        model="gemini-2.5-flash", contents="Hi", config=short
    )
    assert "".join(part.text or "" for part in stream)
    counted = client.models.count_tokens(model="gemini-2.5-flash", contents="Hi")
    assert counted.total_tokens == reply.usage_metadata.prompt_token_count  # type: ignore[union-attr]
    found = client.models.embed_content(model="minilm", contents=["a cat", "a dog"])
    assert found.embeddings and len(found.embeddings[1].values or ()) == 384
    assert "models/smollm2-135m" in [model.name for model in client.models.list()]
    called = client.models.generate_content(model="tools", contents="Hi")
    assert called.function_calls and called.function_calls[0].args == {"city": "Oslo"}


def test_gemini_array(server: Served) -> None:
    body = {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {"maxOutputTokens": 4}}
    answer = server.post("/v1beta/models/x:streamGenerateContent", body)
    assert answer.json[-1]["candidates"][0]["finishReason"]


def test_own_routes(server: Served) -> None:
    encoded = server.post("/tokenize", {"content": "Hello world"}).json
    assert server.post("/detokenize", {"tokens": encoded["tokens"]}).json == {
        "content": "Hello world"
    }
    prompt = server.post("/apply-template", {"messages": ASK}).json
    assert len(prompt["tokens"]) == sum(prompt["counts"].values())
    assert "Say hello." in prompt["prompt"]
    assert {"user", "scaffold"} <= {label for p in prompt["pieces"] for label in p["origin"]}
    assert server.post("/detokenize", {"tokens": [10**9]}).status == 400
    assert server.post("/tokenize", {"content": "x", "model": "tools"}).status == 400


def test_the_receipt_shows_what_was_sent(server: Served) -> None:
    asked = {"model": "x", "messages": ASK, "max_tokens": 3, "temperature": 0}
    answer = server.post("/v1/chat/completions", asked)
    receipt = server.get(f"/receipts/{answer.headers['x-pellucid-receipt']}").json
    assert receipt["model"] == "smollm2-135m"
    assert len(receipt["reply"]["tokens"][0]["alternatives"]) == load().alternatives
    assert receipt["prompt"]["encoding"]["ids"]


def test_a_conversation_keeps_its_prefix(server: Served) -> None:
    ask: list[Any] = [{"role": "user", "content": "Tell me about rain in Norway."}]
    same = {"model": "x", "max_tokens": 12, "temperature": 0}
    first = server.post("/v1/chat/completions", {**same, "messages": ask})
    ask += [first.json["choices"][0]["message"], {"role": "user", "content": "More."}]
    second = server.post("/v1/chat/completions", {**same, "messages": ask})
    receipt = server.get(f"/receipts/{second.headers['x-pellucid-receipt']}").json
    assert receipt["prompt"]["replayed"] == first.json["usage"]["completion_tokens"]


@pytest.mark.timeout(3600)
def test_the_clients_own_suites(full: bool) -> None:
    """What openai-python and anthropic-sdk-python test of themselves: see docs/server.md."""
    if not full:
        pytest.skip("the clients' own suites run with --full, each in an environment of its own")
    assert client_suites.main([]) == 0

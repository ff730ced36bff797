"""The server's own ways: names of models, receipts, errors in each API's shape, its own routes."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pellucid.errors import EngineStopped, StoreError
from pellucid.messages import Request
from pellucid.models.base import Stopped, never
from pellucid.models.scripted import Scripted
from pellucid.prompt.values import Prompt
from pellucid.record.store import Store
from pellucid.settings import load
from pellucid.tokens.encoding import Encoding
from served import Served, echo, served
from work import SOON

pytestmark = pytest.mark.timeout(60)
SAY = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
APIS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {}),
    "compatible": ("/v1beta/openai/chat/completions", {}),
    "responses": ("/v1/responses", {"input": "hello"}),
    "completions": ("/v1/completions", {"prompt": "hello"}),
    "anthropic": ("/v1/messages", {"max_tokens": 20}),
    "gemini": (
        "/v1beta/models/MODEL:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    ),
    "ollama": ("/api/chat", {"stream": False}),
    "generate": ("/api/generate", {"prompt": "hello", "stream": False}),
}
every = pytest.mark.parametrize("api", APIS)


def ask(server: Served, api: str, model: str = "echo", **headers: str) -> Any:
    path, extra = APIS[api]
    body = {"model": model, **extra}
    if api in ("chat", "compatible", "anthropic", "ollama"):
        body["messages"] = SAY["messages"]
    if api == "gemini":
        del body["model"]
    return server.post(path.replace("MODEL", model), body, headers)


def error_of(api: str, body: Any) -> str:
    """The message of an error, where this API has it."""
    if api in ("ollama", "generate"):
        return str(body["error"])
    if api == "anthropic":
        assert body["type"] == "error" and body["error"]["type"]
    if api == "gemini":
        assert body["error"]["code"] >= 400 and body["error"]["status"]
    return str(body["error"]["message"])


@pytest.fixture
def server(home: Path) -> Iterator[Served]:
    with served({"echo": echo()}, store=home / "receipts.db") as running:
        yield running


@every
def test_every_api_answers_and_leaves_a_receipt(server: Served, api: str) -> None:
    answer = ask(server, api, **{"User-Agent": "lesson/1.0"})
    assert answer.status == 200, answer.body
    assert b"hello" in answer.body
    kept = server.get("/receipts?app=LESSON").json["receipts"]
    assert [row["id"] for row in kept] == [answer.headers["x-pellucid-receipt"]]
    receipt = server.get(f"/receipts/{kept[0]['id']}").json
    assert receipt["app"] == "lesson/1.0"
    assert receipt["reply"]["message"]["parts"][0]["text"] == "hello"


@every
def test_an_unknown_model_is_answered_as_the_api_does(server: Served, api: str) -> None:
    answer = ask(server, api, model="no-such-model")
    assert answer.status == 404
    assert "no-such-model" in error_of(api, answer.json)


@every
def test_a_model_that_fails_is_an_error(home: Path, api: str) -> None:
    failing = Scripted([EngineStopped("The engine crashed.")], name="echo")
    with served({"echo": failing}) as server:
        answer = ask(server, api)
    assert answer.status == 502
    assert error_of(api, answer.json) == "The engine crashed."


class Helped(Scripted):
    """A model that is helped with its tools, and takes its time over it."""

    waited = threading.Event()

    def prepare(self, request: Request) -> Prompt:
        return Prompt(Encoding("", (), (), (), (), "none"), (), (), (), True)

    def steer(self, request: Request, stopped: Stopped = never) -> tuple[Request, tuple[str, ...]]:
        while request.messages[-1].text == "wait" and not stopped():
            time.sleep(0.01)
        self.waited.set()
        return replace(request, tool_choice="none"), ("It needs no tool.",)


def test_a_small_model_is_helped_with_the_tools_of_a_client(home: Path) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    model = Helped(["Hello.", "Hello."], name="helped")
    with served({"helped": model}, store=home / "receipts.db") as server:
        body = {**SAY, "model": "helped", "tools": [tool]}
        answer = server.post("/v1/chat/completions", body)
        assert model.requests[0].tool_choice == "none" and answer.status == 200
        kept = server.get(f"/receipts/{answer.headers['x-pellucid-receipt']}").json
        assert "It needs no tool." in json.dumps(kept)
        model.waited.clear()
        body["messages"] = [{"role": "user", "content": "wait"}]
        gone = http.client.HTTPConnection("127.0.0.1", server.port)
        gone.request("POST", "/v1/chat/completions", json.dumps(body))
        assert not model.waited.wait(0.2)
        gone.close()
        assert model.waited.wait(SOON), "nobody waits for it any more"
        assert len(model.requests) == 1


def test_no_receipt_when_the_request_says_so(server: Served) -> None:
    answer = ask(server, "chat", **{"X-Pellucid-Log": "no"})
    assert "x-pellucid-receipt" not in answer.headers
    assert server.get("/receipts").json["receipts"] == []


def test_the_app_may_name_itself(server: Served) -> None:
    ask(server, "chat", **{"X-Pellucid-App": "course", "User-Agent": "python"})
    assert len(server.get("/receipts?app=course").json["receipts"]) == 1
    assert server.get("/receipts?app=python").json["receipts"] == []


def test_a_conversation_is_recognised(server: Served) -> None:
    first = ask(server, "chat")
    again = [
        *SAY["messages"],
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "more"},
    ]
    second = server.post("/v1/chat/completions", {**SAY, "messages": again})
    one, two = (
        server.get(f"/receipts/{answer.headers['x-pellucid-receipt']}").json
        for answer in (first, second)
    )
    assert two["conversation"] == one["conversation"]
    assert two["parent"] == one["id"]
    assert two["replayed_messages"] == 2


def test_names_of_models(home: Path) -> None:
    settings = replace(
        load(), models={"mine": {"alias": "echo"}, "theirs": {"base": "http://127.0.0.1:9/v1"}}
    )
    with served({"echo": echo()}, settings=settings) as server:
        assert ask(server, "chat", "mine").status == 200
        assert ask(server, "ollama", "echo:latest").status == 200
        assert ask(server, "chat", "theirs").status == 502  # reached for, and nobody there
        for name in ("/etc/passwd", "http://127.0.0.1:9/v1#x", "../x.gguf", "hf:a/b/c.gguf", ""):
            assert ask(server, "chat", name).status == 404, name
    with served({"echo": echo()}, default="echo") as server:
        for name in ("gpt-4o-mini", "llama3.2", "claude-sonnet-4-5", "anything"):
            assert ask(server, "chat", name).status == 200, name
        assert ask(server, "chat", "openai:gpt-4o-mini").status == 401  # named with its host


def test_lists_of_models(server: Served) -> None:
    assert "echo" in [row["id"] for row in server.get("/v1/models").json["data"]]
    assert server.get("/v1/models/echo").json["id"] == "echo"
    assert server.get("/v1/models/nothing").status == 404
    anthropic = server.get("/v1/models", {"anthropic-version": "2023-06-01"}).json
    assert anthropic["data"][0]["type"] == "model"
    missing = server.get("/v1/models/nothing", {"anthropic-version": "2023-06-01"}).json
    assert missing["error"]["type"] == "not_found_error" and missing["type"] == "error"
    assert server.get("/v1/models/nothing", {"x-goog-api-key": "k"}).json["error"]["code"] == 404
    assert server.get("/v1beta/models/echo").json["name"] == "models/echo"
    assert "echo" in [row["model"] for row in server.get("/api/tags").json["models"]]


ANTHROPIC, GOOGLE = {"anthropic-version": "2023-06-01"}, {"x-goog-api-key": "k"}


def api_of(error: dict[str, Any]) -> str:
    """Whose shape an error has."""
    if error.get("type") == "error":
        return "anthropic"
    if isinstance(error["error"], str):
        return "ollama"
    return "gemini" if "status" in error["error"] else "openai"


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        *(("GET", f"/v1/models{name}", {}, "openai") for name in ("", "/", "/echo", "/nothing")),
        *(("GET", f"/v1/models{name}", ANTHROPIC, "anthropic") for name in ("", "/echo", "/no")),
        *(("GET", f"/v1/models{name}", GOOGLE, "gemini") for name in ("", "/echo", "/no")),
        ("POST", "/v1/models/echo:generateContent", {}, "gemini"),
        ("DELETE", "/v1/models/echo", ANTHROPIC, "anthropic"),
        ("GET", "/v1beta/openai/models", GOOGLE, "openai"),
        ("GET", "/v1beta/models", {}, "gemini"),
        ("POST", "/v1/messages", {}, "anthropic"),
        ("POST", "/v1/chat/completions", ANTHROPIC, "openai"),
        ("GET", "/api/nothing", {}, "ollama"),
        ("GET", "/", {}, "ollama"),
    ],
)
def test_who_is_not_let_in_is_told_as_his_api_has_it(
    method: str, path: str, headers: dict[str, str], expected: str
) -> None:
    body = b"{}" if method == "POST" else None
    with served({"echo": echo()}, token="t") as server:
        refused = server.request(method, path, body, headers)
        assert (refused.status, api_of(refused.json)) == (401, expected)
    with served({"echo": echo()}) as server:
        refused = server.request(method, path, body, headers | {"Origin": "http://evil.example"})
        assert (refused.status, api_of(refused.json)) == (403, expected)


def test_a_text_that_goes_on_has_the_id_of_its_receipt(server: Served) -> None:
    answer = server.post("/v1/completions", {"model": "echo", "prompt": "hello", "stream": True})
    lines = answer.body.decode().split("data: ")[1:-1]
    assert {json.loads(line)["id"] for line in lines} == {
        f"cmpl-{answer.headers['x-pellucid-receipt']}"
    }


def test_lists_have_aliases(home: Path) -> None:
    rows = {"mine": "echo", "ears": "whisper", "bad": "nothere", "one": "two", "two": "one"}
    models = {name: {"alias": meant} for name, meant in rows.items()}
    models |= {"file": {"alias": "small"}, "theirs": {"base": "http://127.0.0.1:9/v1"}}
    settings = replace(load(), models=models)
    with served({"echo": echo()}, default="echo", settings=settings) as server:
        tags = {row["model"]: row for row in server.get("/api/tags").json["models"]}
        listed = [row["id"] for row in server.get("/v1/models").json["data"]]
        google = server.get("/v1beta/models").json["models"]
        bad = ask(server, "chat", "bad")
        assert server.get("/v1/models/bad").status == bad.status == 404
    assert list(tags) == listed == [row["displayName"] for row in google]
    assert {"echo", "mine", "ears", "file", "theirs"} <= set(tags)
    assert not {"bad", "one", "two"} & set(tags)
    file = next(row for name, row in tags.items() if name != "file" and "size" in row)
    assert tags["file"]["size"] > 0 and tags["file"].keys() == file.keys()
    assert "'nothere'" in bad.json["error"]["message"] and "'bad'" in bad.json["error"]["message"]


def test_what_is_not_there(server: Served) -> None:
    assert server.get("/").body == b"Ollama is running"
    assert server.request("HEAD", "/").status == 200
    assert server.get("/v1/chat/completions").status == 405
    assert "error" in server.get("/api/nothing").json
    assert server.get("/v1beta/nothing").json["error"]["status"] == "NOT_FOUND"
    assert server.get("/v1/messages/nothing").json["type"] == "error"
    assert server.post("/v1/images/generations", {"prompt": "a cat"}).status == 400
    pulled = server.post("/api/pull", {"model": "nobody"})
    assert pulled.status == 404 and "GGUF" not in pulled.json["error"]  # no path is taken


def test_the_document_is_true(server: Served, qwen: Path) -> None:
    document = server.get("/openapi.json").json
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            schema = operation.get("requestBody", {}).get("content", {})
            required = schema.get("application/json", {}).get("schema", {}).get("required", [])
            answer = server.request(
                method.upper(), path.replace("{name}", "echo"), {} if schema else None
            )
            assert answer.status != 405 and answer.status != 500, (path, answer.body)
            if required:
                assert answer.status == 400, (path, answer.body)


def test_the_document_lets_content_be_null_beside_calls(server: Served) -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "content": "x", "tool_call_id": "a"},
    ]
    assert (
        server.post("/v1/chat/completions", {"model": "echo", "messages": messages}).status == 200
    )
    path = server.get("/openapi.json").json["paths"]["/v1/chat/completions"]
    schema = path["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "null" in schema["properties"]["messages"]["items"]["properties"]["content"]["type"]


def test_the_document_is_whole(server: Served) -> None:
    """Every method of an open-ended route is in it, and nothing of Pellucid's is said OpenAI's."""
    paths = server.get("/openapi.json").json["paths"]
    for path in ("/health", "/tokenize", "/receipts", "/receipts/{name}", "/openapi.json"):
        assert all("externalDocs" not in operation for operation in paths[path].values())
    assert "openai" in paths["/v1/chat/completions"]["post"]["externalDocs"]["url"]
    for base in ("/v1", "/v1beta/openai"):
        assert "get" in paths[f"{base}/responses/{{name}}/input_items"]
    for base in ("/v1", "/v1beta"):
        assert "post" not in paths[f"{base}/models/{{name}}"]
        for path in (each for each in paths if each.startswith(f"{base}/models/{{name}}:")):
            answer = server.post(path.replace("{name}", "echo"), {})
            assert "no method" not in answer.body.decode(), path
    methods = {path.rpartition(":")[2] for path in paths if ":" in path}
    told = {"generateContent", "streamGenerateContent", "countTokens"}
    assert methods == told | {"embedContent", "batchEmbedContents"}
    media = paths["/"]["get"]["responses"]["200"]["content"]
    assert list(media) == [server.get("/").headers["content-type"]]
    pictures = paths["/v1/images/generations"]["post"]["requestBody"]["content"]
    assert pictures["application/json"]["schema"]["required"] == ["prompt"]


def test_a_store_that_fails_costs_no_reply(
    server: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Store, receipts: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(Store, "add_all", full)
    assert ask(server, "chat").status == 200
    assert server.get("/receipts").json["receipts"] == []
    assert server.get("/health").json["receipts_not_kept"] == 1
    assert "The disk is full." in capsys.readouterr().err


def test_nothing_to_answer(server: Served) -> None:
    for path, body in (
        ("/v1/chat/completions", {"model": "echo", "messages": []}),
        ("/v1/responses", {"model": "echo", "input": []}),
        ("/v1/messages", {"model": "echo", "messages": [], "max_tokens": 5}),
    ):
        assert server.post(path, body).status == 400, path

"""What the APIs have beside answers: fields of their own, vectors, counts, stored responses."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from host_server import Act, Host, answer, host, says
from pellucid.engine import checksums, child, process
from pellucid.engine.client import Address
from pellucid.engine.process import Engine
from pellucid.models import catalog
from pellucid.settings import Folders, load
from served import Answer, Served, echo, served
from test_server_security import in_front_of

pytestmark = pytest.mark.timeout(60)
RULE = {"type": "ephemeral"}
SAY = [{"role": "user", "content": "hello"}]
TOOL = {"name": "f", "parameters": {"type": "object"}}
WRITTEN: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "openai": (
        "/v1/chat/completions",
        {
            "messages": [{"role": "user", "name": "ann", "content": "hello"}],
            "tools": [{"type": "function", "function": TOOL}],
            "prompt_cache_key": "lesson",
            "metadata": {"course": "1"},
        },
        ("messages", "prompt_cache_key", "metadata"),
    ),
    "openai-responses": (
        "/v1/responses",
        {"input": SAY, "prompt_cache_key": "lesson", "text": {"verbosity": "low"}},
        ("prompt_cache_key", "text"),
    ),
    "anthropic": (
        "/v1/messages",
        {
            "max_tokens": 9,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": RULE}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": RULE}]}
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": RULE}],
            "metadata": {"user_id": "7"},
        },
        ("system", "messages", "tools", "metadata"),
    ),
    "gemini": (
        "/v1beta/models/mine:generateContent",
        {
            "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
            "safetySettings": [{"category": "X", "threshold": "Y"}],
            "generationConfig": {"temperature": 0.5, "mediaResolution": "LOW"},
        },
        ("safetySettings", "generationConfig"),
    ),
    "ollama": (
        "/api/chat",
        {"messages": SAY, "keep_alive": "9m", "options": {"mirostat": 1}, "stream": False},
        ("keep_alive",),
    ),
}


def send(server: Served, path: str, body: dict[str, Any]) -> tuple[Answer, dict[str, Any]]:
    """The answer, and the receipt."""
    reply = server.post(path, body if ":" in path else {"model": "mine", **body})
    assert reply.status == 200, reply.body
    return reply, server.get(f"/receipts/{reply.headers['x-pellucid-receipt']}").json


@pytest.mark.parametrize("dialect", WRITTEN)
def test_fields_of_the_hosts_own_api_are_sent_on(home: Path, dialect: str) -> None:
    path, body, names = WRITTEN[dialect]
    with host(says(dialect)) as there, in_front_of(there, dialect, home / "r.db") as server:
        _, receipt = send(server, path, body)
    sent = json.loads(there.asked[-1].body)
    assert {name: sent[name] for name in names} == {name: body[name] for name in names}
    assert sent.get("options", {}).get("mirostat") == body.get("options", {}).get("mirostat")
    assert not any("left out" in note for note in receipt["notes"])


@pytest.mark.parametrize("dialect", WRITTEN)
def test_a_field_may_have_any_name(home: Path, dialect: str) -> None:
    path, body, _ = WRITTEN[dialect]
    odd = {"a.b": 1, "c[0]": 2, "[": 3, ".": 4, "": 5}
    with host(says(dialect)) as there, in_front_of(there, dialect, home / "r.db") as server:
        send(server, path, {**body, **odd})
    sent = json.loads(there.asked[-1].body)
    assert {name: sent.get(name) for name in odd if name} == {n: v for n, v in odd.items() if n}


@pytest.mark.parametrize("dialect", WRITTEN)
def test_elsewhere_they_are_left_out_and_the_receipt_says_so(home: Path, dialect: str) -> None:
    path, body, names = WRITTEN[dialect]
    other = "openai" if dialect != "openai" else "anthropic"
    with host(says(other)) as there, in_front_of(there, other, home / "r.db") as server:
        _, receipt = send(server, path, body)
    sent = there.asked[-1].body
    for field in ("cache_control", "prompt_cache_key", "safetySettings", "keep_alive", "mirostat"):
        assert field.encode() not in sent
    said = " ".join(receipt["notes"])
    assert all(name in said for name in names), said


def vectors(*numbers: float) -> Act:
    data = [{"object": "embedding", "index": i, "embedding": [n]} for i, n in enumerate(numbers)]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return answer(json.dumps({"object": "list", "data": data, "usage": usage}).encode())


def test_vectors_of_a_host() -> None:
    with host(vectors(0.5, 0.25)) as there, in_front_of(there) as server:
        body = {"model": "mine", "input": ["a", "b"], "dimensions": 1}
        reply = server.post("/v1/embeddings", body).json
        assert [row["embedding"] for row in reply["data"]] == [[0.5], [0.25]]
        assert reply["usage"]["prompt_tokens"] == 5 and reply["model"] == "mine"
        assert json.loads(there.asked[0].body)["dimensions"] == 1
        both = server.post("/api/embed", {"model": "mine", "input": ["a", "b"]}).json
        assert both["embeddings"] == [[0.5], [0.25]]
        parts = [{"content": {"parts": [{"text": text}]}} for text in "ab"]
        path = "/v1beta/models/mine:batchEmbedContents"
        found = server.post(path, {"requests": parts}).json
        assert [each["values"] for each in found["embeddings"]] == [[0.5], [0.25]]
    with host(vectors(1)) as there, in_front_of(there, "anthropic") as server:
        reply = server.post("/v1/embeddings", {"model": "mine", "input": "a"})
        assert reply.status == 400 and "no embeddings" in reply.json["error"]["message"]


@pytest.mark.parametrize(
    "dialect, said", (("anthropic", "input_tokens"), ("gemini", "totalTokens"))
)
def test_counts_of_a_host(dialect: str, said: str) -> None:
    with host(answer(json.dumps({said: 42}).encode())) as there:
        with in_front_of(there, dialect) as server:
            body = {"model": "mine", "messages": SAY, "system": "Be brief."}
            assert server.post("/v1/messages/count_tokens", body).json == {"input_tokens": 42}
            contents = {"contents": [{"parts": [{"text": "hello"}]}]}
            counted = server.post("/v1beta/models/mine:countTokens", contents).json
            assert counted["totalTokens"] == 42
            asked = {"model": "mine", "input": "hello"}
            assert server.post("/v1/responses/input_tokens", asked).json["input_tokens"] == 42
        assert b"Be brief." in there.asked[0].body and "ount" in there.asked[0].line
    with host(says()) as there, in_front_of(there) as server:
        reply = server.post("/v1/messages/count_tokens", body)
        assert reply.status == 400 and not there.asked


def test_responses_are_kept_as_receipts(home: Path) -> None:
    with served({"x": echo()}, store=home / "r.db") as server:
        first = server.post(
            "/v1/responses", {"model": "x", "input": "one", "instructions": "Be brief."}
        ).json
        kept = server.get(f"/v1/responses/{first['id']}").json
        assert kept["output"][0]["content"] == first["output"][0]["content"]
        items = server.get(f"/v1/responses/{first['id']}/input_items").json["data"]
        assert items[-1]["content"] == "one"
        asked = {"model": "x", "input": "two", "previous_response_id": first["id"]}
        reply = server.post("/v1/responses", asked)
        receipt = server.get(f"/receipts/{reply.headers['x-pellucid-receipt']}").json
        said = [m["parts"][0]["text"] for m in receipt["request"]["messages"]]
        assert said == ["one", "one", "two"]  # instructions hold for their request alone
        for id in ("resp_last", "resp_", "last", "resp_" + "0" * 26):
            assert server.get(f"/v1/responses/{id}").status == 404
            missing = server.post("/v1/responses", {**asked, "previous_response_id": id})
            said = missing.json["error"]
            assert (missing.status, said["param"]) == (400, "previous_response_id")
            assert said["code"] == "previous_response_not_found"
    with served({"x": echo()}) as server:
        assert "--no-log" in server.get(f"/v1/responses/{first['id']}").json["error"]["message"]


def test_a_response_says_whether_it_is_stored(home: Path) -> None:
    asked = {"model": "x", "input": "one"}
    quiet = {"X-Pellucid-Log": "no"}

    def streamed(server: Served, body: dict[str, Any]) -> Any:
        last = server.post("/v1/responses", {**body, "stream": True}).body.split(b"data: ")[-1]
        return json.loads(last)["response"]

    with served({"x": echo()}, store=home / "r.db") as server:
        for body, stored in ((asked, True), ({**asked, "store": True}, True)):
            first = server.post("/v1/responses", body).json
            assert first["store"] is streamed(server, body)["store"] is stored
            assert server.get(f"/v1/responses/{first['id']}").json["store"] is True
        unstored = {**asked, "store": False}
        for first in (streamed(server, unstored), server.post("/v1/responses", unstored).json):
            assert first["store"] is False
            for path in (first["id"], f"{first['id']}/input_items"):
                assert server.get(f"/v1/responses/{path}").status == 404
            again = server.post("/v1/responses", {**asked, "previous_response_id": first["id"]})
            assert again.json["error"]["code"] == "previous_response_not_found"
            kept = server.get(f"/receipts/{first['id'].removeprefix('resp_')}").json
            assert "store is false" in str(kept["notes"])
        assert server.post("/v1/responses", asked, quiet).json["store"] is False
        assert server.post("/v1/responses", {**asked, "store": "no"}).status == 400
    with served({"x": echo()}) as server:  # --no-log
        assert server.post("/v1/responses", asked).json["store"] is False


def test_only_a_model_is_a_model_that_was_not_found(home: Path) -> None:
    with served({"x": echo()}, store=home / "r.db") as server:
        for path in ("/v1/nothing", "/receipts/0123", "/v1/responses/resp_1"):
            error = server.get(path)
            assert (error.status, error.json["error"]["code"]) == (404, None), path
        asked = {"messages": [{"role": "user", "content": "Hi"}]}
        for name in ("nobody", "small-but-not-there.gguf"):
            error = server.post("/v1/chat/completions", {**asked, "model": name})
            assert error.json["error"]["code"] == "model_not_found", error.json


def test_pictures() -> None:
    picture = {"created": 1, "data": [{"b64_json": "aGk="}]}
    with host(answer(json.dumps(picture).encode())) as there, in_front_of(there) as server:
        body = {"prompt": "a cat", "model": "mine", "size": "64x64"}
        reply = server.post("/v1/images/generations", body)
        assert reply.json["data"] == [{"b64_json": "aGk="}]
        assert json.loads(there.asked[0].body)["size"] == "64x64"
    with served({"x": echo()}, default="x") as server:
        reply = server.post("/v1/images/generations", {"prompt": "a cat", "model": "x"})
        assert reply.status == 400 and "host" in reply.json["error"]["message"].lower()


def test_long_texts_are_not_cut_in_silence(home: Path) -> None:
    long = "word " * 400
    with served(default="small", settings=replace(load())) as server:
        for path in ("/v1/embeddings", "/api/embed"):
            reply = server.post(path, {"model": "minilm", "input": long})
            assert reply.status == 400 and b"256" in reply.body
        cut = server.post("/api/embed", {"model": "minilm", "input": long, "truncate": True})
        assert cut.status == 200


def test_vectors_without_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with served() as server:
        for path, body in (
            ("/v1/embeddings", {"input": "a"}),
            ("/api/embed", {"input": "a"}),
            ("/api/embeddings", {"prompt": "a"}),
            ("/v1beta/models/minilm:embedContent", {"content": {"parts": [{"text": "a"}]}}),
        ):
            reply = server.post(path, {"model": "minilm", **body})
            assert reply.status == 501 and b"pip install 'pellucid[embed]'" in reply.body, path


def test_what_may_be_a_string_or_a_list_says_so() -> None:
    def asked(content: object) -> dict[str, object]:
        return {"messages": [{"role": "user", "content": content}]}

    with served({"x": echo()}, default="x") as server:
        for path, body, field in (
            ("/v1/embeddings", {}, "input"),
            ("/v1/embeddings", {"input": 5}, "input"),
            ("/api/embed", {}, "input"),
            ("/v1/responses", {}, "input"),
            ("/v1/responses", {"input": 5}, "input"),
            ("/v1/responses", {"input": [{"role": "user", "content": 5}]}, "input[0].content"),
            ("/v1/completions", {}, "prompt"),
            ("/v1/chat/completions", asked(5), "messages[0].content"),
            ("/v1/chat/completions", {**asked("a"), "stop": 5}, "stop"),
            ("/v1/messages", {**asked(5), "max_tokens": 5}, "messages[0].content"),
        ):
            reply = server.post(path, {"model": "x", **body})
            said = "is missing; it must" if field in ("input", "prompt") and not body else "must"
            assert reply.status == 400, path
            assert f"{field} {said} be a string or a list" in reply.body.decode(), reply.body


def test_what_ollamas_lists_tell_of_a_file(home: Path, smol: Path) -> None:
    weight = next(row.weight for row in catalog.MODELS if row.weight.name == smol.name)
    asked = {"model": "smollm2-135m"}
    with served(settings=replace(load(), idle=60)) as server:
        assert server.post("/api/generate", asked).json["done_reason"] == "load"
        try:
            running = server.get("/api/ps").json["models"][0]
            listed = server.get("/api/tags").json["models"]
            shown = server.post("/api/show", asked).json
        finally:
            for engine in process.running(Folders.of()):
                process.stop(engine)
    tag = next(row for row in listed if row["model"] == asked["model"])
    assert running["model"] == asked["model"] and running["size"] > smol.stat().st_size / 2
    assert running["digest"] == tag["digest"] == weight.sha256
    assert running["details"] == tag["details"] == shown["details"]
    assert tag["details"]["parameter_size"] == "134.52M"
    left = datetime.fromisoformat(running["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=30) < left < timedelta(seconds=60)
    changed = datetime.fromtimestamp(smol.stat().st_mtime, UTC)
    assert datetime.fromisoformat(tag["modified_at"]) == changed


def test_an_engine_says_when_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Address("h", 1, ""), 1, None, "m", 9, 1, 1, "", "", tmp_path / "e.json", 60)
    assert process.ends(replace(engine, idle=None)) is None
    assert process.ends(replace(engine, idle=None, rendezvous=None)) is None
    (tmp_path / "e.json").write_text("{}")
    os.utime(tmp_path / "e.json", (1000, 1000))
    assert process.ends(engine) == 1060
    metrics = {"prompt_tokens_total": 1.0, "prompt_seconds_total": 1.0}
    monkeypatch.setattr(child, "TICK", 0)
    monkeypatch.setattr(child, "_metrics", lambda _: metrics)

    def leave(_: Path) -> None:
        raise SystemExit

    monkeypatch.setattr(child, "_leave", leave)  # at once: the file is no engine's
    with pytest.raises(SystemExit):
        child._watch(None, {"idle": 60, "rate": "r"}, tmp_path / "e.json")
    ends = process.ends(engine)
    assert ends is not None and ends > time.time() + 30


@pytest.mark.parametrize(
    ("name", "computed", "found"),
    [
        ("sha256-" + "0a" * 32, None, "0a" * 32),
        ("0a" * 32, None, "0a" * 32),
        ("model.gguf", None, None),
        ("model.gguf", "0b" * 32, "0b" * 32),
    ],
)
def test_checksums_that_are_known_without_reading(
    tmp_path: Path, name: str, computed: str | None, found: str | None
) -> None:
    (tmp_path / name).write_bytes(b"x")
    if computed:
        checksums.remember(tmp_path / name, tmp_path, computed)
    assert checksums.known(tmp_path / name, tmp_path) == found
    (tmp_path / name).write_bytes(b"xy")
    assert checksums.known(tmp_path / name, tmp_path) == (found if not computed else None)


def test_a_callers_key_is_used_for_vectors_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.models import hosts, keys

    with host(vectors(1)) as there:
        rows = tuple(
            replace(row, base=f"{there.base}/v1") if row.name == "openai" else row
            for row in hosts.hosts()
        )
        monkeypatch.setattr(hosts, "hosts", lambda: rows)
        monkeypatch.setattr(keys, "hosts", lambda: rows)
        monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
        with served() as server:
            body = {"model": "text-embedding-3-small", "input": "a"}
            own = {"Authorization": "Bearer sk-proj-of-the-caller"}
            assert server.post("/v1/embeddings", body, own).status == 200
    assert _bearer(there) == "Bearer sk-proj-of-the-caller"


def _bearer(there: Host) -> str:
    return there.asked[-1].headers["authorization"]

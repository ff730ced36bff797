"""Calls that are no conversation: how they queue, are left by their clients, and are refused."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from host_server import fails, host, stalled
from pellucid.dialects.openai_transcription import Transcript
from pellucid.models import embeddings
from pellucid.models.embeddings import Embeddings
from pellucid.record.store import Store
from pellucid.replies import Usage
from pellucid.server import embedding, recorder
from pellucid.server.limits import Limits
from pellucid.server.recorder import Recorder
from pellucid.settings import load
from pellucid.speech import hearing, speaking
from sample_receipts import second_turn
from served import Served, echo, served
from test_server_kept import CALLS, SPEECH, hear, newest
from work import soon

pytestmark = pytest.mark.timeout(60)
VECTORS = {"model": "openai:text-embedding-3-small", "input": "a"}
COUNT = {"model": "anthropic:claude-x", "messages": [{"role": "user", "content": "a"}]}
CHAT = {"model": "openai:gpt-x", "messages": [{"role": "user", "content": "a"}]}


class Elsewhere(Served):
    """A server in a process of its own, of which no more is known than its port."""

    def __init__(self, port: int) -> None:
        self.port = port


def send(server: Served, path: str, body: object) -> socket.socket:
    """A request whose answer is not waited for."""
    data = json.dumps(body).encode()
    link = socket.create_connection(("127.0.0.1", server.port))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
    link.sendall(head.encode() + data)
    return link


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Hosts are at this address, and have a key."""

    def at(base: str) -> None:
        for name in ("OPENAI", "ANTHROPIC"):
            monkeypatch.setenv(f"{name}_BASE_URL", base)
            monkeypatch.setenv(f"{name}_API_KEY", "sk-canary")

    return at


# -- hosts that do not answer


def test_a_stalled_host_holds_nothing_else(home: Path, keys: Callable[[str], None]) -> None:
    asked = [
        ("/v1/embeddings", VECTORS),
        ("/v1/images/generations", {"model": "openai:gpt-image-1", "prompt": "a"}),
        ("/v1/audio/speech", {**SPEECH, "model": "openai:tts-1"}),
        ("/v1/messages/count_tokens", COUNT),
    ]
    with host(stalled(headers=False)) as there:
        keys(there.base)
        with served(store=home / "r.db") as server:
            before = threading.active_count()
            links = [send(server, *each) for each in asked * 10]
            assert soon(lambda: len(there.asked) == len(links))
            for path in ("/receipts", "/v1/models"):
                assert server.get(path).status == 200
            running = [each["running"] for each in server.get("/health").json["calls"].values()]
            assert running == [10] * 4
            assert threading.active_count() - before <= len(links) + 16  # the host's own, a few
            for link in links:
                link.close()
            assert soon(lambda: server.get("/health").json["calls"] == {})
            assert soon(lambda: threading.active_count() - before <= 16)  # the host was left
            time.sleep(0.7)  # in which it would be tried again
            assert len(there.asked) == len(links)
            rows = server.get("/receipts?limit=100").json["receipts"]
    assert [row["finish"] for row in rows] == ["cut"] * 30  # of a count there is none


def test_the_queue_of_a_hosts_vectors_is_bounded(keys: Callable[[str], None]) -> None:
    with host(stalled(headers=False)) as there:
        keys(there.base)
        with served(limits=Limits(hosted=1, waiting=1)) as server:
            links = [send(server, "/v1/embeddings", VECTORS) for _ in range(2)]
            name = VECTORS["model"]
            assert soon(lambda: server.server.busy.get(name) == (1, 1))
            refused = server.post("/v1/embeddings", VECTORS)
            assert refused.status == 503 and int(refused.headers["retry-after"]) >= 1
            links[1].close()  # in the queue
            assert soon(lambda: server.server.busy.get(name) == (1, 0))
            links[0].close()
            assert soon(lambda: not server.server.busy)


# -- the end of the server

STOPPING = """
import sys, time
from functools import partial
from pellucid.cli.main import main
from pellucid.server import serving
from pellucid.speech import hearing

class Part:
    def write_down(self, sound, **_):
        print("begun", flush=True)
        time.sleep(60)

hearing.open_whisper = lambda *_: Part()
serving.Limits = partial(serving.Limits, grace=0.2)
sys.exit(main(["serve", "--port", "0"]))
"""


def test_nothing_at_work_keeps_the_process(home: Path, keys: Callable[[str], None]) -> None:
    with host(stalled(headers=False)) as there:
        keys(there.base)
        process = subprocess.Popen(
            [sys.executable, "-c", STOPPING],
            env={**os.environ, "PELLUCID_MODEL": "openai:gpt-x"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        server = Elsewhere(port)
        waiting = send(server, "/v1/embeddings", VECTORS)
        heard = threading.Thread(target=lambda: hear(server, b"RIFF", "whisper-1"))
        heard.start()
        assert process.stdout.readline() == "begun\n"
        assert soon(lambda: len(there.asked) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0  # of the minute that is left of the work
        head, _, body = waiting.recv(4096).partition(b"\r\n\r\n")
        assert b" 503 " in head and json.loads(body)["error"]["type"] == "overloaded_error"
        heard.join()


# -- vectors of this machine


class Embedder:
    """Stands in for MiniLM: slow, until it is stopped."""

    name = "minilm"

    def __init__(self) -> None:
        self.running = self.most = 0

    def embed(self, texts: Sequence[str], stopped: Callable[[], bool]) -> Embeddings:
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(300 if texts[0] == "long" else 3):
            if stopped():
                break
            time.sleep(0.02)
        self.running -= 1
        return Embeddings("minilm", ((1.0, 0.0),) * len(texts), Usage(fresh=1))


def test_vectors_queue_and_stop(home: Path) -> None:
    part = Embedder()
    with served(embedder=part, store=home / "r.db") as server:
        gate = server.server.part(embedding.PART)
        link = send(server, "/v1/embeddings", {"model": "minilm", "input": "long"})
        assert soon(lambda: part.running == 1)
        last = send(server, "/api/embed", {"model": "minilm", "input": "a"})
        assert soon(lambda: gate.waiting == 1)
        link.close()
        assert b" 200 OK" in last.recv(4096)
        assert part.most == 1 and soon(lambda: not gate.busy)
        assert soon(lambda: {"cut", "stop"} == {row["finish"] for row in receipts(server)})


def receipts(server: Served) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = server.get("/receipts").json["receipts"]
    return rows


def test_minilm_leaves_off(weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(weights_folder.parent.parent))
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) > 300 + 1

    found = embeddings.open_minilm(load()).embed(["a cat"] * 300, stopped)
    made = [len(vector) for vector in found]
    assert made.count(384) == embeddings.BATCH // 4 and set(made) == {0, 384}


def test_texts_are_bounded(home: Path) -> None:
    many = ["a"] * (embedding.MOST + 1)
    content = {"content": {"parts": [{"text": "a"}]}}
    with served(embedder=Embedder(), store=home / "r.db") as server:
        for path, body in (
            ("/v1/embeddings", {"model": "minilm", "input": many}),
            ("/api/embed", {"model": "minilm", "input": many}),
            ("/v1beta/models/minilm:batchEmbedContents", {"requests": [content] * len(many)}),
        ):
            reply = server.post(path, body)
            assert reply.status == 400 and "2,049 texts" in str(reply.json["error"]), path
        body = {"model": "minilm", "input": many[1:]}
        assert len(server.post("/v1/embeddings", body).json["data"]) == embedding.MOST
        assert len(receipts(server)) == 1


# -- which model is meant


def test_a_model_that_does_something_else() -> None:
    for default in (None, "x"):
        with served({"x": echo()}, default=default, embedder=Embedder()) as server:
            for reply, said in (
                (server.post("/v1/embeddings", {"model": "x", "input": "a"}), "minilm"),
                (server.post("/v1/audio/speech", {**SPEECH, "model": "x"}), "piper"),
                (hear(server, b"RIFF", "x"), "whisper-base"),
            ):
                assert reply.status == 400, reply.body
                error = reply.json["error"]["message"]
                assert error.startswith("x makes no ") and said in error
            reply = server.post("/v1/embeddings", {"model": "nobody", "input": "a"})
            assert reply.status == (200 if default else 404)
            if default is None:
                assert "minilm" in reply.json["error"]["message"]
                reply = server.post("/v1/chat/completions", {**CHAT, "model": "nobody"})
                assert reply.status == 404 and "GGUF" not in reply.json["error"]["message"]


def test_the_receipt_says_who_answered(home: Path) -> None:
    with served({"x": echo()}, default="x", embedder=Embedder(), store=home / "r.db") as server:
        server.post("/v1/embeddings", {"model": "nobody", "input": "a"})
        receipt = newest(server)
        for name in ("minilm", "all-minilm", "all-minilm:latest"):
            server.post("/v1/embeddings", {"model": name, "input": "a"})
            assert newest(server).notes == ()
    assert receipt.model == "minilm" and "nobody" in receipt.notes[0]


# -- what leaves a receipt, and says so


def test_what_was_refused_leaves_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with served(store=home / "r.db") as server:
        replies = [call(server) for _, call in CALLS.values()]
        assert [reply.status for reply in replies] == [401] * len(CALLS)
        assert not any(b"--default" in reply.body for reply in replies)
        replies += [
            server.post("/v1/chat/completions", CHAT),
            server.post("/v1/embeddings", {**VECTORS, "input": " "}),
            server.post("/v1/embeddings", {"model": "minilm", "input": " "}),
            server.post("/v1/audio/speech", SPEECH),
            hear(server, b"RIFF", "whisper-1"),
        ]
        assert [reply.status for reply in replies[len(CALLS) :]] == [401, 400, 400, 501, 501]
        assert not any("x-pellucid-receipt" in reply.headers for reply in replies)
        assert receipts(server) == []


def test_the_answer_of_a_failed_call_names_its_receipt(
    home: Path, keys: Callable[[str], None]
) -> None:
    with host(fails("openai", 400, "Never.")) as there:
        keys(there.base)
        with served(store=home / "r.db") as server:
            for path, body in (
                ("/v1/embeddings", VECTORS),
                ("/v1/chat/completions", CHAT),
                ("/v1/chat/completions", {**CHAT, "stream": True}),
                ("/api/chat", CHAT),
            ):
                reply = server.post(path, body)
                assert reply.status == 400
                assert newest(server).id == reply.headers["x-pellucid-receipt"]
                silent = server.post(path, body, {"X-Pellucid-Log": "no"})
                assert silent.status == 400 and "x-pellucid-receipt" not in silent.headers
        assert len(there.asked) == 8


def test_a_fault_of_our_own_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        rate = 22_050

        def write_down(self, sound: bytes, **_: Any) -> Transcript:
            raise RuntimeError("no such layer")

    monkeypatch.setattr(hearing, "open_whisper", lambda *_: Broken())
    monkeypatch.setattr(speaking, "open_voice", lambda *_: Broken())
    with served(store=home / "r.db") as server:
        reply = hear(server, b"RIFF", "whisper-1")
        receipt = newest(server)
    assert reply.status == 500 and reply.headers["x-pellucid-receipt"] == receipt.id
    assert receipt.reply.finish == "error"
    assert receipt.reply.error == "RuntimeError: no such layer"


def test_large_receipts_do_not_gather(home: Path) -> None:
    store = Store(home / "r.db")
    keeping = Recorder(store)
    first = second_turn()
    keeping.keep(first, recorder.HEAVY + 1)  # waits until it is written
    assert [row.id for row in store.list()] == [first.id]
    assert soon(lambda: keeping._held == 0)
    keeping.close()


def test_who_asks_for_receipts_does_not_wait_for_more_of_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "GATHER", 60)
    keeping = Recorder(Store(home / "r.db"))
    began = time.monotonic()
    keeping.keep(second_turn())
    keeping.flush()
    assert len(keeping.store.list()) == 1
    keeping.close()
    assert time.monotonic() - began < 30

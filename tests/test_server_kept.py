"""Receipts of the server's calls that are no conversation: vectors, pictures, speech, hearing."""

from __future__ import annotations

import io
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from host_server import Act, Host, answer, fails, host
from pellucid.dialects.form import File, Form, encode_form
from pellucid.dialects.openai_transcription import Transcript
from pellucid.messages import Media, Text
from pellucid.models.tokenizers import open_tokenizer
from pellucid.record.codec import from_json, to_json
from pellucid.record.receipt import Receipt
from pellucid.record.rows import kind_of
from pellucid.record.store import Store
from pellucid.server import audio, kept
from pellucid.speech import hearing, speaking
from pellucid.views import figures, tables, terminal
from pellucid.views.glass import PANELS, Glass
from pellucid.views.html import receipt_page
from sample_receipts import second_turn
from served import Answer, Served, served

pytestmark = pytest.mark.timeout(120)
SAID = "The quick brown fox."
SPEECH = {"model": "tts-1", "voice": "alloy", "input": SAID, "response_format": "wav"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(weights_folder.parent.parent))
        with served(store=folder / "r.db") as running:
            yield running


def of(server: Served, reply: Any) -> Receipt:
    """The receipt that an answer's header names."""
    return from_json(server.get(f"/receipts/{reply.headers['x-pellucid-receipt']}").json)


def newest(server: Served, app: str = "") -> Receipt:
    rows = server.get(f"/receipts?app={app}").json["receipts"]
    return from_json(server.get(f"/receipts/{rows[0]['id']}").json)


def hear(server: Served, sound: bytes, model: str, **headers: str) -> Answer:
    media, body = encode_form(Form({"model": model, "x": "y"}, {"file": File("a.wav", sound)}))
    path = "/v1/audio/transcriptions"
    return server.post(path, body, {"Content-Type": media, **headers})


# -- this machine's


def test_vectors_by_every_client(server: Served) -> None:
    import ollama
    from google import genai

    ask = openai.OpenAI(base_url=f"{server.base}/v1", api_key="none", max_retries=0).embeddings
    named = {"X-Pellucid-App": "indexer"}
    one = ask.with_raw_response.create(
        model="minilm", input=["a cat", "a kitten"], user="me", extra_headers=named
    )
    assert len(one.parse().data) == 2
    receipt = of(server, one)
    assert (receipt.kind, receipt.model, receipt.app) == ("vectors", "minilm", "indexer")
    (message,) = receipt.request.messages
    assert message.parts == (Text("a cat"), Text("a kitten"))
    assert receipt.reply.usage.known == "exact" and 4 <= receipt.reply.usage.fresh < 12
    assert receipt.notes == ("user means nothing here and was left out.",)
    assert receipt.reply.notices == ("2 vectors of 384 dimensions.",)
    assert receipt.exchange is None and figures.cost(receipt) == "none"
    total = receipt.timings.total
    assert total and receipt.created <= time.time() and receipt.reply.finish == "stop"

    ollama.Client(server.base, headers={"X-Pellucid-App": "of-ollama"}).embed("minilm", "a dog")
    assert newest(server, "of-ollama").request.messages[0].text == "a dog"
    client = genai.Client(
        api_key="none",
        http_options={"base_url": server.base, "headers": {"X-Pellucid-App": "of-google"}},
    )
    client.models.embed_content(model="minilm", contents="a cow")
    assert newest(server, "of-google").request.messages[0].text == "a cow"


def test_every_route_of_vectors_names_its_receipt(server: Served) -> None:
    content = {"content": {"parts": [{"text": "a"}]}}
    for path, body in (
        ("/v1/embeddings", {"model": "minilm", "input": "a"}),
        ("/v1beta/openai/embeddings", {"model": "minilm", "input": "a"}),
        ("/api/embed", {"model": "minilm", "input": "a"}),
        ("/api/embeddings", {"model": "minilm", "prompt": "a"}),
        ("/v1beta/models/minilm:embedContent", content),
        ("/v1beta/models/minilm:batchEmbedContents", {"requests": [content]}),
    ):
        assert of(server, server.post(path, body)).kind == "vectors", path


def test_ids_of_tokens_are_their_text(home: Path) -> None:
    ids = open_tokenizer("cl100k_base").encode("a cat").ids
    with served(default="local", store=home / "r.db") as server:
        one = server.post("/v1/embeddings", {"model": "minilm", "input": "a cat"}).json["data"]
        for given in (list(ids), [list(ids)]):
            asked = {"model": "text-embedding-3-small", "input": given}
            reply = server.post("/v1/embeddings", asked)
            assert reply.json["data"] == one
            receipt = of(server, reply)
            assert receipt.request.messages[0].text == "a cat"
            assert "ids of tokens" in receipt.notes[0]
        for model, given in (("minilm", [1]), ("text-embedding-3-small", [10**9]), ("/etc", [1])):
            refused = server.post("/v1/embeddings", {"model": model, "input": given})
            error = refused.json["error"]
            assert (refused.status, error["param"]) == (400, "input") and "text" in error["message"]
            assert "Near it" not in error["message"] and "GGUF" not in error["message"]


def test_ids_of_tokens_go_on_to_a_host(at: Callable[[Host], Any]) -> None:
    found = {"data": [{"embedding": [0.5, 1]}], "usage": {"prompt_tokens": 2}}
    ids = list(open_tokenizer("cl100k_base").encode("a cat").ids)
    with host(says(found)) as there, at(there) as server:
        for model, text in (("text-embedding-3-small", "a cat"), ("new-kind", "")):
            reply = server.post("/v1/embeddings", {"model": f"openai:{model}", "input": ids})
            assert json.loads(there.asked[-1].body)["input"] == [ids]
            assert of(server, reply).request.messages[0].text == text


def test_a_text_that_was_cut(server: Served) -> None:
    body = {"model": "minilm", "input": "word " * 400, "truncate": True}
    assert "reads the first 256" in of(server, server.post("/api/embed", body)).notes[0]
    assert server.post("/api/embed", {**body, "truncate": False}).status == 400
    refused = newest(server)
    assert refused.reply.finish == "error" and "in parts" in (refused.reply.error or "")


def test_receipts_that_are_not_wanted(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part()
    monkeypatch.setattr(speaking, "open_voice", lambda *_: part)
    monkeypatch.setattr(hearing, "open_whisper", lambda *_: part)
    listed = "/receipts?limit=1000"
    before = server.get(listed).json
    silent = {"X-Pellucid-Log": "no"}
    vectors = {"model": "minilm", "input": "a"}
    with served() as other:  # --no-log
        for running, headers in ((server, silent), (other, {})):
            for reply in (
                running.post("/v1/embeddings", vectors, headers),
                running.post("/v1/audio/speech", SPEECH, headers),
                hear(running, b"a", "whisper-1", **headers),
            ):
                assert reply.status == 200 and "x-pellucid-receipt" not in reply.headers
    assert server.get(listed).json == before


class Part:
    """Stands in for the voice and for Whisper."""

    rate = 22_050

    def say(self, text: str, speed: float) -> Iterator[bytes]:
        for _ in range(50):
            time.sleep(0.01)
            yield bytes(2_000)

    def write_down(self, sound: bytes, **_: Any) -> Transcript:
        return Transcript("Hi.", "en", 1.0)


def test_a_client_that_goes_away(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "open_voice", lambda *_: Part())
    data = json.dumps({**SPEECH, "response_format": "pcm"}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(head.encode() + b"\r\nX-Pellucid-App: hasty\r\n\r\n" + data)
        answered = link.recv(4096)
    id = answered.partition(b"X-Pellucid-Receipt: ")[2][:26].decode()
    while server.server.part(audio.SPEAKING).free == 0:
        time.sleep(0.01)
    receipt = newest(server, "hasty")
    assert receipt.id == id and receipt.reply.finish == "cut"
    assert "interrupted" in (receipt.reply.error or "")
    made = int(receipt.reply.notices[0].split()[0].replace(",", ""))
    assert 0 < made < 50 * 2_000


def test_a_large_sound_is_told_of(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "open_whisper", lambda *_: Part())
    receipt = of(server, hear(server, bytes(audio.MOST + 1), "whisper-1"))
    (part,) = receipt.request.messages[0].parts
    assert isinstance(part, Media) and part.data is None and part.name == "a.wav"
    assert any("1,048,577 bytes" in note for note in receipt.notes)
    assert receipt.reply.text == "Hi." and receipt.model == "whisper-base"


def test_the_document_tells_of_sound(server: Served) -> None:
    paths = server.get("/openapi.json").json["paths"]
    good = paths["/v1/audio/speech"]["post"]["responses"]["200"]
    assert "audio/mpeg" in good["content"] and "application/json" not in good["content"]
    heard = paths["/v1/audio/transcriptions"]["post"]["responses"]["200"]
    assert {"application/json", "text/vtt; charset=utf-8"} <= set(heard["content"])


# -- hosts'


Asking = Callable[[Served], Answer]
CALLS: dict[str, tuple[dict[str, Any] | bytes, Asking]] = {
    "vectors": (
        {"data": [{"embedding": [0.5, 1]}], "usage": {"prompt_tokens": 5, "total_tokens": 5}},
        lambda it: it.post(
            "/v1/embeddings", {"model": "openai:text-embedding-3-small", "input": "a"}
        ),
    ),
    "pictures": (
        {"data": [{"b64_json": "aGk="}], "usage": {"input_tokens": 9, "output_tokens": 1056}},
        lambda it: it.post(
            "/v1/images/generations",
            {"model": "openai:gpt-image-1", "prompt": "a", "size": "1024x1536", "quality": "low"},
        ),
    ),
    "speech": (
        b"ID3 sound",
        lambda it: it.post("/v1/audio/speech", {**SPEECH, "model": "openai:gpt-4o-mini-tts"}),
    ),
    "transcription": (
        {"text": "Hi.", "usage": {"type": "duration", "seconds": 1}},
        lambda it: hear(it, b"RIFF", "openai:gpt-4o-mini-transcribe"),
    ),
}


@pytest.fixture
def at(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Host], Any]:
    """A server whose calls to OpenAI come to a host of ours, with a key."""

    def start(there: Host) -> Any:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{there.base}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-the-server")
        return served(store=home / "r.db")

    return start


def says(found: dict[str, Any] | bytes) -> Act:
    if isinstance(found, bytes):
        return answer(found, media="audio/wav")
    return answer(json.dumps(found).encode())


@pytest.mark.parametrize("kind", CALLS)
def test_calls_of_a_host(at: Callable[[Host], Any], kind: str) -> None:
    found, call = CALLS[kind]
    acts = says(found), fails("openai", 400, "Never."), answer(b"{}")
    with host(*acts) as there, at(there) as server:
        reply = call(server)
        receipt = of(server, reply)
        assert call(server).status == 400
        refused = newest(server)
        assert call(server).status == 502
        wrong = newest(server)
    assert reply.status == 200 and (receipt.kind, receipt.reply.finish) == (kind, "stop")
    wire = receipt.exchange
    assert wire is not None and wire.sent == there.asked[0].body and wire.status == 200
    assert wire.url.startswith(there.base) and receipt.model.startswith("openai:")
    assert receipt.settings["host"] == "openai"
    if kind == "pictures":
        wish = {"n": 1, "size": "1024x1536", "quality": "low"}
        assert receipt.settings.items() >= wish.items()
    for each in (receipt, refused, wrong):
        assert "sk-canary" not in json.dumps(to_json(each))
        priced = kind == "vectors" and each is receipt
        assert figures.cost(each) == ("$0.00000010" if priced else "unknown")
        assert ("unknown" in str(tables.cost(each))) is not priced
    assert refused.kind == wrong.kind == kind
    assert refused.reply.finish == wrong.reply.finish == "error"
    assert "Never." in (refused.reply.error or "")
    assert refused.exchange is not None and refused.exchange.status == 400
    usage = receipt.reply.usage
    expected = {"vectors": (5, 0), "pictures": (9, 1056)}.get(kind, (0, 0))
    assert (usage.input_total, usage.output_total) == expected
    assert usage.known == ("reported" if any(expected) else "estimated")


def test_odd_usage_costs_no_answer(at: Callable[[Host], Any]) -> None:
    _, call = CALLS["pictures"]
    odd = {"data": [{"b64_json": "aGk="}], "usage": {"input_tokens": "many"}}
    with host(says(odd)) as there, at(there) as server:
        assert of(server, call(server)).reply.usage.known == "estimated"


def test_much_on_the_wire_is_not_kept(at: Callable[[Host], Any]) -> None:
    numbers = [0.123456789] * 9_000
    found = {"data": [{"embedding": numbers}], "usage": {"prompt_tokens": 5}}
    with host(says(found)) as there, at(there) as server:
        reply = CALLS["vectors"][1](server)
        receipt = of(server, reply)
    assert len(reply.json["data"][0]["embedding"]) == 9_000
    assert receipt.exchange is not None and len(receipt.exchange.received) == kept.WIRE
    assert any("came back" in note for note in receipt.notes)
    assert any("bytes kept" in words for _, words in tables.wire(receipt))


# -- as they are shown


def test_as_they_are_shown(at: Callable[[Host], Any], home: Path) -> None:
    acts = [says(found) for found, _ in CALLS.values()]
    with host(*acts, fails("openai", 400, "Never.")) as there, at(there) as server:
        for _, call in [*CALLS.values(), CALLS["speech"]]:
            call(server)
    with Store(home / "r.db") as store, Store(home / "other.db") as other:
        stream = io.StringIO()
        assert store.export(stream) == 5
        stream.seek(0)
        other.import_(stream)
        rows = store.list()
        assert rows == other.list() and store.verify() == ()
        receipts = [store.get(row.id) for row in rows]
        assert receipts == [other.get(row.id) for row in rows]
        assert store.list(kind="conversation") == () and store.last_conversation() is None
        assert [row.kind for row in store.list(kind="speech")] == ["speech", "speech"]
        store.add(spoken := second_turn())
        assert store.last_conversation() == spoken.conversation
        (row,) = store.list(1, kind="conversation")
        assert (row.id, row.kind) == (spoken.id, "conversation")
    kinds = ["speech", "transcription", "speech", "pictures", "vectors"]
    listed = terminal.summaries(rows, width=120).splitlines()[1:]
    for line, receipt, kind in zip(listed, receipts, kinds, strict=True):
        status = " · ".join(figures.status(receipt))
        texts = (line, terminal.receipt(receipt), status)
        assert all(kind in text for text in texts), texts
        pages = [panel.html(Glass(receipt)) for panel in PANELS]
        for shown in (*texts, *pages, receipt_page(receipt), repr(receipt)):
            words = re.sub(
                "<script.*?</script>", "", shown.partition("<body")[2] or shown, flags=re.S
            )
            for nonsense in ("window", " 0 tokens", " 0 in", " 0 out", "next turn", "template"):
                assert nonsense not in words, words
    assert "[transcription] Hi." in listed[1]
    assert "error" in listed[0] and "(error)" in figures.status(receipts[0])[0]
    assert figures.status(receipts[3])[:2] == ["pictures", "1 picture, 2 bytes"]
    assert "vectors · 1 vector of 2 dimensions · 5 tokens in" in terminal.receipt(receipts[4])


def test_a_response_is_of_a_conversation(server: Served) -> None:
    reply = server.post("/v1/embeddings", {"model": "minilm", "input": "a"})
    id = f"resp_{reply.headers['x-pellucid-receipt']}"
    assert server.get(f"/v1/responses/{id}").status == 404


def test_receipts_of_before() -> None:
    written = to_json(second_turn())
    del written["kind"]
    assert from_json(written).kind == "conversation" == kind_of({})

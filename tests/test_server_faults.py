"""What clients do wrong, and what goes wrong under them: bounds, queues, cancelling, breaking."""

from __future__ import annotations

import gzip
import http.client
import itertools
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from malformed_json import MALFORMED
from pellucid.errors import EngineStopped
from pellucid.messages import Request
from pellucid.models.scripted import Scripted
from pellucid.record.store import Store
from pellucid.replies import Event, Progress
from pellucid.server.limits import Limits
from pellucid.server.serving import GATES
from served import Served, Stub, echo, served
from test_server import APIS, ask, every
from work import SOON, soon

pytestmark = pytest.mark.timeout(120)
CHAT = "/v1/chat/completions"
STREAMS = {
    "chat": (b"data: [DONE]", b'"error"'),
    "anthropic": (b"message_stop", b"event: error"),
    "ollama": (b'"done":true', b'"error"'),
    "gemini": (b"finishReason", b'"error"'),
    "responses": (b"response.completed", b"event: error"),
}
"""API -> what ends its streams, and what breaks them."""


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "x", "messages": [{"role": "user", "content": text}], **more}


# -- streams that break


def stream_of(server: Served, api: str) -> bytes:
    path, extra = APIS[api]
    body = {"model": "x", **extra, "stream": True}
    if api != "responses":
        body["messages"] = say("hi")["messages"]
    if api == "gemini":
        body, path = extra, "/v1beta/models/x:streamGenerateContent?alt=sse"
    answer = server.post(path, body)
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.parametrize("api", STREAMS)
def test_a_stream_that_breaks_ends_as_an_error(home: Path, api: str) -> None:
    broken = Scripted([("one two three", EngineStopped("The engine crashed."))], name="x")
    with served({"x": broken}, store=home / "receipts.db") as server:
        said = stream_of(server, api)
        rows = server.get("/receipts").json["receipts"]
    end, error = STREAMS[api]
    assert end not in said
    assert error in said and b"The engine crashed." in said
    assert [row["finish"] for row in rows] == ["error"]


@pytest.mark.parametrize("api", STREAMS)
def test_a_whole_stream_ends(api: str) -> None:
    with served({"x": Scripted(["one two three"], name="x")}) as server:
        said = stream_of(server, api)
    end, error = STREAMS[api]
    assert end in said and error not in said


def test_shutdown_ends_streams_as_errors() -> None:
    def words(_: object) -> Iterator[str]:
        while True:
            yield "tick "
            time.sleep(0.05)

    got = bytearray()
    with served({"x": Stub("x", words)}, limits=Limits(grace=0.2)) as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("hi", stream=True)))
        while b"tick" not in got:
            got += link.recv(4096)
    while data := link.recv(4096):
        got += data
    assert b"The server stops" in got and b"[DONE]" not in got
    assert got.endswith(b"0\r\n\r\n")


def test_shutdown_lets_answers_end() -> None:
    slow = Scripted(["one two three four"], delay=0.1, name="x")
    answers = []
    with served({"x": slow}) as server:
        thread = threading.Thread(target=lambda: answers.append(server.post(CHAT, say("hi"))))
        thread.start()
        while not slow.requests:
            time.sleep(0.01)
    thread.join()
    assert answers[0].json["choices"][0]["message"]["content"] == "one two three four"


@pytest.mark.parametrize("stream", (True, False))
def test_what_shutdown_cuts_has_a_receipt(home: Path, stream: bool) -> None:
    def words(_: object) -> Iterator[str]:
        while True:
            yield "tick "
            time.sleep(0.3)  # longer than closing the store takes

    stub, got = Stub("x", words), bytearray()
    with served({"x": stub}, store=home / "r.db", limits=Limits(grace=0.1)) as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("hi", stream=stream)))
        if stream:
            while b"tick" not in got:
                got += link.recv(4096)
        assert soon(lambda: stub.running)
    with Store(home / "r.db") as store:
        receipt = store.get("last")
    assert receipt.reply.finish == "cut" and receipt.reply.message.text.startswith("tick")
    while data := link.recv(4096):
        got += data
    assert f"X-Pellucid-Receipt: {receipt.id}".encode() in got
    assert stream or b" 503 " in got


@pytest.mark.parametrize("stream", (True, False))
def test_a_call_that_does_not_end_holds_no_shutdown(home: Path, stream: bool) -> None:
    """Its receipt is kept all the same, and once."""
    hold = threading.Event()

    def words(_: object) -> Iterator[str]:
        yield "tick"
        hold.wait(40)

    stub, got = Stub("x", words), b""
    with served({"x": stub}, store=home / "r.db", limits=Limits(grace=0.1)) as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("hi", stream=stream)))
        assert soon(lambda: stub.running)
        time.sleep(0.1)
    while data := link.recv(4096):
        got += data
    with Store(home / "r.db") as store:
        receipt = store.get("last")
    assert (receipt.reply.finish, receipt.reply.message.text) == ("cut", "tick")
    assert f"X-Pellucid-Receipt: {receipt.id}".encode() in got
    recorder = server.server.recorder
    assert recorder is not None and stub.running
    hold.set()
    assert soon(lambda: not stub.running)
    recorder.flush()  # waits for nothing
    assert recorder.failed == 0


def raw(server: Served, body: object, path: str = CHAT) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {len(data)}"
    return head.encode() + b"\r\n\r\n" + data


# -- clients that go away


class Slow(Stub):
    """Reads, then writes slowly, each in short steps, as the engine does."""

    def __init__(self) -> None:
        super().__init__("x", self._steps)

    def _steps(self, request: Any) -> Iterator[Event | str]:
        text = request.messages[-1].text
        for i in range(100 if text == "prefill" else 2):
            time.sleep(0.02)
            yield Progress(i + 1, 100, 0)
        for i in range(1000 if text == "decode" else 10):
            time.sleep(0.01)
            yield f"{text}-{i} "


def test_a_client_that_goes_away_frees_its_slot(home: Path, full: bool) -> None:
    """In queue, prefill and decode, at random moments; the others' replies are as without it."""
    rounds = 1000 if full else 40
    chance = random.Random(7)
    slow = Slow()
    limits = Limits(local=4, waiting=1000)
    whole = "".join(f"good-{i} " for i in range(10))
    with served({"x": slow}, limits=limits) as server, ThreadPoolExecutor(8) as pool:
        gate = server.server.gate(slow)

        def leave(_: int) -> None:
            text = chance.choice(("prefill", "decode"))
            link = socket.create_connection(("127.0.0.1", server.port))
            link.sendall(raw(server, say(text, stream=chance.random() < 0.5)))
            time.sleep(chance.random() * 0.3)
            link.close()

        def stay(_: int) -> str:
            answer = server.post(CHAT, say("good"))
            return str(answer.json["choices"][0]["message"]["content"])

        going = [pool.submit(leave, i) for i in range(rounds)]
        staying = [pool.submit(stay, i) for i in range(rounds // 4)]
        assert {each.result() for each in staying} == {whole}
        for each in going:
            each.result()
        soon(lambda: (gate.free, gate.waiting) == (4, 0), 1 if full else SOON)
        assert (gate.free, gate.waiting, slow.running) == (4, 0, 0)


def test_what_was_cut_has_a_receipt(home: Path) -> None:
    with served({"x": Slow()}, store=home / "receipts.db") as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("decode", stream=True)))
        while b"decode-3" not in link.recv(4096):
            pass
        link.close()
        assert soon(lambda: server.get("/receipts").json["receipts"])
        rows = server.get("/receipts").json["receipts"]
        assert rows[0]["finish"] == "cut" and rows[0]["answer"].startswith("decode-0 decode-1")


def test_a_client_that_does_not_read_is_dropped() -> None:
    def words(_: object) -> Iterator[str]:
        for _ in range(3000):
            yield "x" * 10_000

    stub = Stub("x", words)
    with served({"x": stub}, limits=Limits(write=0.3)) as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("hi", stream=True)))
        time.sleep(0.1)
        assert server.server._visits
        assert soon(lambda: not server.server._visits)
        link.close()


# -- queues


def test_a_full_queue_says_so_at_once(full: bool) -> None:
    hold = threading.Event()

    def words(_: object) -> list[str]:
        hold.wait(20)
        return ["done"]

    stub = Stub("x", words)
    limits = Limits(local=2, waiting=6)
    with served({"x": stub}, limits=limits) as server, ThreadPoolExecutor(16) as pool:
        gate = server.server.gate(stub)

        def call(_: int) -> Any:
            return server.post(CHAT, say("hi"))

        first = [pool.submit(call, i) for i in range(8)]
        while gate.waiting < 6:
            time.sleep(0.01)
        began = time.monotonic()
        refused = [pool.submit(call, i).result() for i in range(8)]
        assert not full or time.monotonic() - began < 8 * 0.1
        assert not any(each.done() for each in first)
        hold.set()
        assert [each.result().status for each in first] == [200] * 8
    assert [each.status for each in refused] == [503] * 8
    assert all(int(each.headers["retry-after"]) >= 1 for each in refused)
    assert refused[0].json["error"]["type"] == "overloaded_error"


def test_an_answer_that_takes_too_long_is_given_up(home: Path) -> None:
    hold = threading.Event()

    def words(request: Request) -> list[str]:
        if "slow" in request.messages[-1].text:
            hold.wait(20)
        return ["done"]

    limits = Limits(call=0.4)
    with served({"x": Stub("x", words)}, limits=limits, store=home / "r.db") as server:
        late = server.post(CHAT, say("slow"))
        hold.set()
        assert server.post(CHAT, say("quick")).status == 200
        assert not server.server._visits and not server.server._late
        receipt = server.get(f"/receipts/{late.headers['x-pellucid-receipt']}").json
    assert late.status == 504 and receipt["reply"]["finish"] == "cut"
    assert late.json["error"]["message"] == "The answer took longer than 0.4 seconds."


def test_clients_take_turns() -> None:
    order: list[str] = []
    hold = threading.Event()

    def words(request: Any) -> list[str]:
        hold.wait(20)
        order.append(request.messages[-1].text)
        return ["done"]

    stub = Stub("x", words)
    with served({"x": stub}, limits=Limits(local=1)) as server, ThreadPoolExecutor(16) as pool:
        gate = server.server.gate(stub)
        calls = []
        for i, app in enumerate(["greedy"] * 6 + ["modest"]):
            headers = {"User-Agent": app}
            calls.append(pool.submit(server.post, CHAT, say(app), headers))
            while gate.waiting < i:
                time.sleep(0.005)
        time.sleep(0.05)
        hold.set()
        for each in calls:
            each.result()
    assert order.index("modest") == 2  # one runs, one of theirs is next, then it


def test_queues_of_models_that_nobody_uses_go() -> None:
    """A host has any number of models; so has a client that makes names up."""
    hold = threading.Event()

    def words(_: object) -> list[str]:
        hold.wait(20)
        return ["done"]

    used = Stub("used", words)
    with served({"used": used}) as server, ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.post, CHAT, {**say("hi"), "model": "used"})
        while not server.server.busy:
            time.sleep(0.005)
        gate = server.server.gate(used)
        for i in range(2 * GATES):
            server.server.gate(Stub(f"m{i}", words))
        assert len(server.server._gates) <= GATES + 1
        assert server.server.gate(used) is gate and server.server.busy == {"used": (1, 0)}
        hold.set()
        assert call.result().status == 200


# -- bodies


NOT_TAKEN: tuple[bytes, ...] = (
    *(b"[]", b"1", b'"a"', b"null", b"true", b"{} {}", b'{"a":NaN}', b'{"a":-Infinity}'),
    *(b'{"a":"\\ud800"}', b'{"a":"\\udc00\\ud800"}', b'{"a":"\n"}', b'{"a":"\x00"}', b"\x00" * 9),
    *("\ufeff{}".encode(), '{"a":1}'.encode("utf-16"), b'{"a":"\xc3"}', b"{" * 50),
    *(b'{"a":' * 300 + b"1" + b"}" * 300, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000),
    b'{"messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
)
"""JSON that is no object, too deep, not UTF-8 or half a character; and Python's own constants."""


def test_malformed_bodies() -> None:
    assert len(set(MALFORMED)) == 188
    apis = itertools.cycle((CHAT, "/v1/messages", "/api/chat", "/v1beta/models/x:generateContent"))
    with served({"x": echo()}) as server:
        link = http.client.HTTPConnection("127.0.0.1", server.port)
        for body in (*MALFORMED, *(b'{"a":%b}' % each for each in MALFORMED), *NOT_TAKEN):
            link.request("POST", next(apis), body)
            answer = link.getresponse()
            said = json.loads(answer.read())
            assert answer.status == 400 and "error" in said, (body[:80], said)


ALONE = """
import sys
from served import echo, served
with served({"x": echo()}) as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


def test_a_body_that_is_too_long(full: bool) -> None:
    """Its memory is that of a process that does nothing else, at its highest."""
    bomb = gzip.compress(bytes(200 << 20), 9)
    command = [sys.executable, "-c", ALONE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parent
    ) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        assert _packed(port, b"x")[0] == 400  # what is imported late is imported
        before, began = highest(child.pid), time.monotonic()
        link = http.client.HTTPConnection("127.0.0.1", port)
        link.putrequest("POST", CHAT)
        link.putheader("Content-Length", str(100 << 20))
        link.endheaders()
        assert link.getresponse().status == 413  # before any of it came
        status, answer = _packed(port, bomb)
        assert status == 413
        assert answer["error"]["code"] is None  # no prompt was too long
        assert _chunked(port, 100 << 20) == 413
        assert not full or time.monotonic() - began < 3 * 1.0
        assert highest(child.pid) - before < 32 << 20
        assert _packed(port, gzip.compress(json.dumps(say("hi", model="x")).encode()))[0] == 200
        assert _packed(port, b"x", "br")[0] == 415


def highest(process: int) -> int:
    """The most bytes of memory that a process has had."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) << 10


def _packed(port: int, body: bytes, coding: str = "gzip") -> tuple[int, Any]:
    """What a body that says how it is packed is answered with: status, JSON."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("POST", CHAT, body, {"Content-Encoding": coding})
    answer = link.getresponse()
    return answer.status, json.loads(answer.read())


def _chunked(port: int, size: int) -> int:
    """The status that a body in chunks, of no announced length, is answered with."""
    link = socket.create_connection(("127.0.0.1", port))
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    link.sendall(head.encode())
    piece = b"%x\r\n" % (1 << 20) + bytes(1 << 20) + b"\r\n"
    sent = 0
    link.settimeout(0.001)
    while sent < size:
        try:
            answer = link.recv(100)
        except TimeoutError:
            link.settimeout(5)
            link.sendall(piece)
            link.settimeout(0.001)
            sent += 1 << 20
        else:
            return int(answer.split()[1])
    raise AssertionError("all of it was taken")


def test_a_body_that_does_not_come() -> None:
    with served({"x": echo()}, limits=Limits(read=0.2)) as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("hi"))[:-5])
        assert link.recv(100).split()[1] == b"408"


# -- everything else a client may send


VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 1.5, 1e308, -(2**70), 2**70, "", "x", "\x00", "é𝄞\u202e"),
    *([], [[]], [None], {}, {"a": None}, {"type": "text"}, [{"type": "image_url"}], "data:,"),
    *([{"role": "user"}], [{"role": "user", "content": None}], [{"role": 3, "content": "x"}]),
    *([{"role": "user", "content": [{"type": "text", "text": 5}]}], {"type": "json_schema"}),
    *([{"type": "function", "function": {"name": "f", "parameters": []}}], {"type": "function"}),
    *([{"name": "f", "input_schema": {}}], [{"text": "x"}], {"parts": [{"text": "x"}]}),
]
FIELDS = (
    *("model", "messages", "prompt", "input", "contents", "stream", "temperature", "max_tokens"),
    *("top_p", "top_k", "seed", "stop", "tools", "tool_choice", "response_format", "format"),
    *(
        "logprobs",
        "top_logprobs",
        "n",
        "system",
        "options",
        "generationConfig",
        "tokens",
        "content",
    ),
    *("systemInstruction", "think", "images", "raw", "keep_alive", "dimensions", "reasoning"),
    *("stream_options", "metadata", "user", "text", "thinking", "stop_sequences", "name", "echo"),
)


def test_generated_requests(full: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Valid requests with fields replaced, removed and added: never a 500, never a crash."""
    chance = random.Random(11)
    good: list[tuple[str, dict[str, Any]]] = []
    with served({"x": echo()}, default="x") as server:
        for api, (path, extra) in APIS.items():
            body = {**extra, **({} if api == "gemini" else say("hi"))}
            good.append((path.replace("MODEL", "x"), body))
        good += [(f"/v1beta/models/x:{m}", good[5][1]) for m in ("countTokens", "embedContent")]
        good += [("/v1/messages/count_tokens", say("hi")), ("/api/show", {"model": "x"})]
        good += [("/tokenize", {"content": "x"}), ("/detokenize", {"tokens": [1]})]
        good += [("/apply-template", say("hi")), ("/api/embed", {"model": "q", "input": 3})]
        link = http.client.HTTPConnection("127.0.0.1", server.port)
        for i in range(20_000 if full else 2_000):
            path, body = chance.choice(good)
            body = dict(body)
            for _ in range(chance.randrange(1, 4)):
                body[chance.choice(FIELDS)] = chance.choice(VALUES)
            if body and chance.random() < 0.3:
                del body[chance.choice(list(body))]
            link.request("POST", path, json.dumps(body).encode())
            answer = link.getresponse()
            data = answer.read()
            assert answer.status != 500, (i, path, body, data, capsys.readouterr().err)
    assert "Traceback" not in capsys.readouterr().err


def test_broken_http(home: Path) -> None:
    chance = random.Random(3)
    with served({"x": echo()}) as server:
        good = raw(server, say("hi"))
        for _ in range(300):
            data = bytearray(good)
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            with socket.create_connection(("127.0.0.1", server.port)) as link:
                link.settimeout(0.02)
                link.sendall(data)
                try:
                    got = link.recv(200)
                except (TimeoutError, ConnectionError):
                    continue
                assert b" 500 " not in got[:20], (bytes(data), got)
        assert ask(server, "chat", "x").status == 200


@every
def test_naughty_strings(home: Path, api: str) -> None:
    strings = [
        "\x00",
        "\u202e",
        "😀",
        "'; DROP TABLE receipts;--",
        "<script>",
        "\\",
        '"',
        "\r\n",
        "ﷺ",
    ]
    strings += ["%s%n", "\u2028", "<|im_end|>", "${jndi}", "undefined", "-1", "Ṱ̺̺̕h̼͓̲̦̳̘", "\U0010ffff"]
    with served({"x": echo()}, store=home / f"{api}.db") as server:
        for text in strings:
            answer = ask(server, api, "x", **{"X-Pellucid-App": "blns"})
            assert answer.status == 200
            body = server.post(CHAT, say(text))
            assert body.json["choices"][0]["message"]["content"] == text
            id = body.headers["x-pellucid-receipt"]
            assert (
                server.get(f"/receipts/{id}").json["request"]["messages"][0]["parts"][0]["text"]
                == text
            )
    with Store(home / f"{api}.db") as store:
        assert store.verify() == ()

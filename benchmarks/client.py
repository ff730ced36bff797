"""Our client of hosts beside OpenAI's own, against a server on loopback in a process of its own.

The server has its answer ready and sends it in one piece: the clients' work is on the clock.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from pellucid.messages import Request, text_message
from pellucid.models.names import open_model
from pellucid.replies import TextDelta

from .measure import Row, interleaved, table

CHUNKS = 100
STREAMS = 30
"""Streams in one measured run."""


def run(runs: int = 7) -> str:
    with _Server() as server:
        ours, theirs = _ours(server.base), _theirs(server.base)
        ours(), theirs()
        rates = interleaved(runs, {"ours": _rate(ours), "theirs": _rate(theirs)})
        firsts = interleaved(runs * 20, {"ours": ours, "theirs": theirs})
        starts = interleaved(
            runs,
            {
                "ours": lambda: server.start(OURS),
                "theirs": lambda: server.start(THEIRS),
            },
        )
    rate = rates["ours"] / rates["theirs"]
    start = starts["theirs"] / starts["ours"]
    later = firsts["ours"] / firsts["theirs"]
    rows = [
        Row(
            f"chunks a second, streams of {CHUNKS}, beside the openai client",
            f"{rate:.1f} times ({rates['ours']:,.0f} and {rates['theirs']:,.0f})",
            "≥ 5 times",
            rate >= 5,
        ),
        Row(
            "start of the process to the first byte of its request, whole processes",
            f"{start:.1f} times as soon ({starts['ours']:.0f} and {starts['theirs']:.0f} ms)",
            "≥ 5 times",
            start >= 5,
        ),
        Row(
            "call to the first chunk, one call after another",
            f"{later:.2f} times ({firsts['ours']:.2f} and {firsts['theirs']:.2f} ms)",
            "≤ 1 times",
            later <= 1,
        ),
    ]
    return table("Client of hosts, beside the official SDK", rows)


def _ours(base: str) -> Callable[[], float]:
    """One stream; milliseconds to its first chunk."""
    model = open_model(f"{base}#m")
    request = Request((text_message("user", "hi"),))

    def once() -> float:
        began, first, count = time.perf_counter(), 0.0, 0
        for event in model.stream(request, None):
            if isinstance(event, TextDelta):
                first = first or time.perf_counter()
                count += 1
        assert count == CHUNKS
        return (first - began) * 1000

    return once


def _theirs(base: str) -> Callable[[], float]:
    from openai import OpenAI

    client = OpenAI(base_url=base, api_key="none")
    messages: Any = [{"role": "user", "content": "hi"}]

    def once() -> float:
        began, first, count = time.perf_counter(), 0.0, 0
        stream = client.chat.completions.create(model="m", messages=messages, stream=True)
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                first = first or time.perf_counter()
                count += 1
        assert count == CHUNKS
        return (first - began) * 1000

    return once


def _rate(once: Callable[[], float]) -> Callable[[], float]:
    def measured() -> float:
        began = time.perf_counter()
        for _ in range(STREAMS):
            once()
        return STREAMS * CHUNKS / (time.perf_counter() - began)

    return measured


OURS = """
import sys, pellucid
from pellucid.messages import Request, text_message
for _ in pellucid.model(sys.argv[1] + "#m").stream(Request((text_message("user", "hi"),)), None):
    pass
"""
THEIRS = """
import sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key="none")
messages = [{"role": "user", "content": "hi"}]
for _ in client.chat.completions.create(model="m", messages=messages, stream=True):
    pass
"""


class _Server:
    """Answers every request with the same stream, and tells when the last one came."""

    def __enter__(self) -> _Server:
        self._pipe, there = multiprocessing.Pipe()
        # A fork would share this process's memory, and slow down both.
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        self.base = f"http://127.0.0.1:{self._pipe.recv()}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def start(self, script: str) -> float:
        """Milliseconds from a process's start to the first byte of its request."""
        began = time.time()
        subprocess.run([sys.executable, "-c", script, self.base], check=True)
        self._pipe.send(None)
        arrived: float = self._pipe.recv()
        return (arrived - began) * 1000


def _serve(pipe: Connection) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    answer = _answer()
    arrived = 0.0

    def one(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):  # some clients hang up before the end
            answer_all(connection)

    def answer_all(connection: socket.socket) -> None:
        nonlocal arrived
        data = b""
        while more := connection.recv(65536):
            if not data:
                arrived = time.time()
            data += more
            head, found, body = data.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
            if found and len(body) >= (int(length[0].split(b":")[1]) if length else 0):
                data = b""
                connection.sendall(answer)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    while True:
        pipe.recv()
        pipe.send(arrived)


def _answer() -> bytes:
    """A stream as OpenAI's API sends it."""
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    usage = {"prompt_tokens": 3, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 3}
    values = [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": f"word{n} "}) for n in range(CHUNKS)),
        chunk({}, "stop"),
        {**frame, "choices": [], "usage": usage},
    ]
    events = [f"data: {json.dumps(value)}\n\n".encode() for value in values]
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    pieces = [b"%x\r\n%s\r\n" % (len(e), e) for e in (*events, b"data: [DONE]\n\n")]
    return b"".join((head, *pieces, b"0\r\n\r\n"))


if __name__ == "__main__":
    print(run())

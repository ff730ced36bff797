"""The two ends of a measured server, and its figures: a load that asks, a host that has its answer
ready, each in as few instructions as can be, and what was seen between them.

The load and the host are on one core, what stands between on the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httptools

from pellucid.dialects import openai_chat
from pellucid.dialects.base import Head
from pellucid.replies import Event, Finish, TextDelta, Usage, UsageEvent, collect
from pellucid.server.loop import run as run_loop

from .pace import Pace

CHUNKS = 200
LOAD_CORE, SERVER_CORE = 0, 1
CLIENTS = 16
WRITTEN = b"GET /receipts?limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
"""Answered once every receipt is on the disk."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds for one client (`first`: to the first bytes of a stream); requests and chunks
    a second for many; microseconds of the processor for each; megabytes."""

    median: float
    p95: float
    first: float
    rate: float
    chunks: float
    processor: float
    processor_chunk: float
    resident: float
    slowed: tuple[float, ...] = ()
    """Requests a second of the loads that do not count, since the core was slowed."""

    def __str__(self) -> str:
        return (
            f"{self.rate:,.0f} requests/s, {self.median:.2f} ms, {self.chunks:,.0f} chunks/s; of "
            f"the processor {self.processor:.0f} µs a request, {self.processor_chunk:.1f} a chunk; "
            f"{self.resident:.0f} MB"
        )


# -- the host


def _answer(count: int) -> bytes:
    encoder = openai_chat.Encoder(Head("chatcmpl-1", "m", 1_760_000_000))
    events: list[Event] = [TextDelta(" word")] * count
    events += [UsageEvent(Usage(fresh=9, output=count, known="reported")), Finish("stop")]
    data = encoder.start() + b"".join(map(encoder.encode, events)) + encoder.end()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
    return head % len(data) + data


class _Host(asyncio.Protocol):
    """Answers requests, one after another."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            size = int(_field(self.data[:end], b"content-length"))
            whole, body = end + 4 + size, self.data[end + 4 : end + 4 + size]
            if len(self.data) < whole:
                return
            self.data = self.data[whole:]
            streamed = b'"stream":true' in body or b'"stream": true' in body
            self.transport.write((LONG if b"many" in body else SHORT) if streamed else WHOLE)


def _field(head: bytes, name: bytes) -> bytes:
    at = head.lower().find(name + b":")
    return (
        head[at + len(name) + 1 : (head + b"\r\n").find(b"\r\n", at)].strip() if at >= 0 else b"0"
    )


SHORT, LONG = _answer(3), _answer(CHUNKS)
DATA = json.dumps(
    openai_chat.encode_reply(
        collect([TextDelta(" word" * 3), UsageEvent(Usage(fresh=9, output=3)), Finish("stop")]),
        Head("chatcmpl-1", "m", 1_760_000_000),
    )
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(DATA),
    DATA,
)


async def stub_host(_: int) -> int:
    server = await asyncio.get_running_loop().create_server(_Host, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


# -- processes


Start = Callable[..., Coroutine[Any, Any, int]]
"""Starts a server and gives its port."""


@contextlib.contextmanager
def process(start: Start, core: int, *words: Any) -> Iterator[tuple[int, int]]:
    """A server in a process of its own, on one core: its port and process."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=_serve, args=(there, start, core, words or (0,)), daemon=True)
    child.start()
    try:
        yield here.recv(), child.pid or 0
    finally:
        child.kill()
        child.join()


def _serve(link: Connection, start: Start, core: int, words: tuple[Any, ...]) -> None:
    os.sched_setaffinity(0, {core})

    async def main() -> None:
        link.send(await start(*words))
        await asyncio.Event().wait()

    run_loop(main())


# -- the load


def request(api: str, word: str, stream: bool) -> bytes:
    """What a client sends; a host that is asked for `many` answers in as many chunks."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": word}]
    body: dict[str, Any] = {"model": "m", "messages": messages, "max_tokens": 100, "stream": stream}
    path = "/v1/chat/completions"
    if api == "anthropic":
        path, body["messages"], body["system"] = "/v1/messages", messages[1:], "Be brief."
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


class _Client(asyncio.Protocol):
    """Asks again as soon as it was answered, until told to stop."""

    def __init__(self, request: bytes, until: float) -> None:
        self.request = request
        self.until = until
        self.times: list[float] = []
        self.firsts: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self.chunks = 0
        self.status = 200

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the server hung up"))

    def _ask(self) -> None:
        self.began, self.first = time.perf_counter(), 0.0
        self.parser = httptools.HttpResponseParser(self)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_headers_complete(self) -> None:
        self.status = max(self.status, self.parser.get_status_code())

    def on_body(self, piece: bytes) -> None:
        self.first = self.first or time.perf_counter()
        self.chunks += piece.count(b" word")

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self.times.append(now - self.began)
        self.firsts.append(self.first - self.began)
        if now < self.until:
            self._ask()
        else:
            self.done.set_result(None)
            self.transport.close()


async def _load(port: int, clients: int, request: bytes, seconds: float) -> list[_Client]:
    loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
    pairs = [
        await loop.create_connection(lambda: _Client(request, until), "127.0.0.1", port)
        for _ in range(clients)
    ]
    for _, each in pairs:
        await asyncio.wait_for(each.done, seconds + 30)
        assert each.status == 200, f"answered {each.status}"
    return [each for _, each in pairs]


@dataclass(frozen=True, slots=True)
class _Spent:
    """What the clients of a load saw, in how many seconds, for how many of the processor."""

    seen: list[_Client]
    seconds: float
    processor: float

    @property
    def asked(self) -> int:
        return sum(len(each.times) for each in self.seen)

    @property
    def rate(self) -> float:
        return self.asked / self.seconds


@dataclass(frozen=True, slots=True)
class Side:
    """A server that is measured: its port and process, and the API its clients speak. With
    `receipts`, the time in which the last of a load are written counts."""

    port: int
    process: int
    api: str = "openai"
    receipts: bool = False

    def warm(self) -> None:
        run_loop(_load(self.port, 4, request(self.api, "few", False), 0.5))

    def round(self, seconds: float, pace: Pace) -> Figures:
        def spent(clients: int, word: str, stream: bool) -> list[_Spent]:
            sent = request(self.api, word, stream)
            return pace.undisturbed(lambda: self._spent(clients, sent, seconds))

        times = sorted(spent(1, "few", False)[-1].seen[0].times)
        firsts = spent(1, "few", True)[-1].seen[0].firsts
        *slowed, whole = spent(CLIENTS, "few", False)
        streams = spent(CLIENTS, "many", True)[-1]
        chunks = sum(x.chunks for x in streams.seen)
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        return Figures(
            median=statistics.median(times) * 1000,
            p95=times[int(len(times) * 0.95)] * 1000,
            first=statistics.median(firsts) * 1000,
            rate=whole.rate,
            chunks=chunks / streams.seconds,
            processor=whole.processor / whole.asked * 1e6,
            processor_chunk=streams.processor / chunks * 1e6,
            resident=next(int(x.split()[1]) for x in lines if x.startswith("VmRSS")) / 1024,
            slowed=tuple([each.rate for each in slowed]),
        )

    def _spent(self, clients: int, request: bytes, seconds: float) -> _Spent:
        before, began = _processor(self.process), time.perf_counter()
        seen = run_loop(_load(self.port, clients, request, seconds))
        if self.receipts:
            run_loop(_load(self.port, 1, WRITTEN, 0))
        return _Spent(seen, time.perf_counter() - began, _processor(self.process) - before)


def in_turns(sides: Sequence[Side], rounds: int, seconds: float, pace: Pace) -> list[list[Figures]]:
    """The rounds of each. They take turns, so that a slow minute hits all of them."""
    for side in sides:
        side.warm()
    found = [[side.round(seconds, pace) for side in sides] for _ in range(rounds)]
    return [list(of_one) for of_one in zip(*found, strict=True)]


def of_rounds(rounds: Sequence[Figures]) -> Figures:
    """Of what a server can do the best round, since what else a machine does only slows it; of what
    its clients wait the median; of memory the most."""
    picks: dict[str, Callable[[Iterable[float]], float]] = {
        **dict.fromkeys(("median", "p95", "first"), statistics.median),
        **dict.fromkeys(("rate", "chunks", "resident"), max),
        **dict.fromkeys(("processor", "processor_chunk"), min),
    }
    picked = {name: pick([getattr(each, name) for each in rounds]) for name, pick in picks.items()}
    return Figures(**picked, slowed=tuple(rate for each in rounds for rate in each.slowed))


def _processor(process: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

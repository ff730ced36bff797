"""The server between a client of one dialect and a host of another, beside a relay that translates
nothing.

The load and the host are on one core, what is measured on the other. The host has its answer ready:
the work of what stands between is what is on the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pellucid.dialects import openai_chat
from pellucid.dialects.base import Head
from pellucid.replies import Event, Finish, TextDelta, Usage, UsageEvent
from pellucid.server.loop import run as run_loop

from .measure import Row, table

SECONDS = 3.0
CHUNKS = 200
LOAD_CORE, SERVER_CORE = 0, 1
CLIENTS = 16


def run(seconds: float = SECONDS) -> str:
    os.sched_setaffinity(0, {LOAD_CORE})
    with _process(_host, LOAD_CORE) as (host, process):
        found = {
            "relay": _measure(lambda: _process(_relay, SERVER_CORE, host), "openai", seconds),
            "framework": _measure(
                lambda: _process(_framework, SERVER_CORE, host), "openai", seconds
            ),
            "same": _measure(lambda: _ours(host, True), "openai", seconds),
            "receipts": _measure(lambda: _ours(host, True), "anthropic", seconds),
            "none": _measure(lambda: _ours(host, False), "anthropic", seconds),
            "direct": _figures(host, "openai", seconds, process),
        }
    ours, bare, plain = found["receipts"], found["direct"], found["none"]
    rate, added = ours["rate16"], ours["p50"] - bare["p50"]
    added95, first = ours["p95"] - bare["p50"], ours["first"] - bare["first"]
    rows = [
        Row("requests a second, 16 clients", f"{rate:,.0f}", "≥ 3,000", rate >= 3000),
        Row("added to a request, 1 client, median", f"{added:.2f} ms", "≤ 0.8 ms", added <= 0.8),
        Row("added to a request, 1 client, p95", f"{added95:.2f} ms", "≤ 2 ms", added95 <= 2),
        Row(
            "streamed chunks a second, 16 clients",
            f"{ours['chunks']:,.0f}",
            "≥ 60,000",
            ours["chunks"] >= 60_000,
        ),
        Row("first chunk later by", f"{first:.2f} ms", "≤ 1 ms", first <= 1),
        Row("resident memory", f"{ours['resident']:.0f} MB", "≤ 140 MB", ours["resident"] <= 140),
        Row("all of it", _line(ours)),
        Row("without receipts", _line(plain)),
        Row("one dialect on both sides, with receipts", _line(found["same"])),
        Row("a pass-through on aiohttp", _line(found["framework"])),
        Row("a bare relay of bytes", _line(found["relay"])),
        Row("the host alone", _line(bare)),
    ]
    return table("Server: Anthropic's API in front of an OpenAI host, with receipts", rows)


def _line(found: dict[str, float]) -> str:
    return (
        f"{found['rate16']:,.0f} requests/s, {found['p50']:.2f} ms, "
        f"{found['chunks']:,.0f} chunks/s; of the processor {found['cpu']:.0f} µs a request, "
        f"{found['cpu_chunk']:.1f} µs a chunk"
    )


# -- the host


def _answer(count: int) -> bytes:
    encoder = openai_chat.Encoder(Head("chatcmpl-1", "m", 1_760_000_000))
    events: list[Event] = [TextDelta(" word")] * count
    events += [UsageEvent(Usage(fresh=9, output=count, known="reported")), Finish("stop")]
    data = encoder.start() + b"".join(map(encoder.encode, events)) + encoder.end()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
    return head % len(data) + data


class _Requests(asyncio.Protocol):
    """Requests, one after another; `answer` is called with each body."""

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
            self.answer(body)

    def answer(self, body: bytes) -> None:
        raise NotImplementedError


def _field(head: bytes, name: bytes) -> bytes:
    at = head.lower().find(name + b":")
    return (
        head[at + len(name) + 1 : (head + b"\r\n").find(b"\r\n", at)].strip() if at >= 0 else b"0"
    )


SHORT, LONG = _answer(3), _answer(CHUNKS)


class _Host(_Requests):
    def answer(self, body: bytes) -> None:
        self.transport.write(LONG if b"many" in body else SHORT)


async def _host(_: int) -> int:
    server = await asyncio.get_running_loop().create_server(_Host, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


# -- what stands between


class _Relay(asyncio.Protocol):
    """Bytes to and fro."""

    host = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.there: Any = None
        self.held = b""
        asyncio.ensure_future(self._connect())  # noqa: RUF006

    async def _connect(self) -> None:
        here = self.transport

        class Back(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                here.write(data)

        loop = asyncio.get_running_loop()
        self.there, _ = await loop.create_connection(Back, "127.0.0.1", self.host)
        self.there.write(self.held)

    def data_received(self, data: bytes) -> None:
        if self.there is None:
            self.held += data
        else:
            self.there.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.there is not None:
            self.there.close()


async def _relay(host: int) -> int:
    _Relay.host = host
    server = await asyncio.get_running_loop().create_server(_Relay, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


async def _framework(host: int) -> int:
    import aiohttp
    from aiohttp import web

    session = aiohttp.ClientSession()

    async def handler(request: web.Request) -> web.StreamResponse:
        url = f"http://127.0.0.1:{host}{request.path}"
        async with session.post(url, data=await request.read()) as answer:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    app = web.Application()
    app.router.add_post("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return int(runner.addresses[0][1])


async def _pellucid(host: int, receipts: bool) -> int:
    from dataclasses import replace

    from pellucid.record.store import Store
    from pellucid.server.models import Models
    from pellucid.server.serving import Server
    from pellucid.settings import resolve

    row = {"base": f"http://127.0.0.1:{host}/v1", "model": "m"}
    settings = replace(resolve({}, {}, ""), models={"m": row})
    folder = Path(tempfile.mkdtemp())
    store = Store(folder / "receipts.db") if receipts else None
    server = Server(settings, models=Models(settings), store=store)
    await server.__aenter__()
    return await server.listen("127.0.0.1", 0)


def _ours(host: int, receipts: bool) -> contextlib.AbstractContextManager[tuple[int, int]]:
    return _process(_pellucid, SERVER_CORE, host, receipts)


@contextlib.contextmanager
def _process(start: Callable[..., Any], core: int, *words: Any) -> Iterator[tuple[int, int]]:
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


def _serve(link: Connection, start: Callable[..., Any], core: int, words: tuple[Any, ...]) -> None:
    os.sched_setaffinity(0, {core})

    async def main() -> None:
        link.send(await start(*words))
        await asyncio.Event().wait()

    run_loop(main())


# -- the load


def _request(api: str, word: str, stream: bool) -> bytes:
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
        self.data = b""
        self.chunks = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._ask()

    def _ask(self) -> None:
        self.began, self.first, self.data, self.left = time.perf_counter(), 0.0, b"", -1
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.first = self.first or time.perf_counter()
        self.chunks += data.count(b" word")
        self.data = (self.data + data) if self.left < 0 else data
        if self.left < 0:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.data[:end]
            if b"chunked" in head.lower():
                self.left = 0
            else:
                self.left = int(_field(head, b"content-length")) - (len(self.data) - end - 4)
            self.whole = self.left if self.left else 0
        else:
            self.left -= len(data) if self.left else 0
        chunked = self.data.endswith(b"0\r\n\r\n")
        if (self.whole == 0 and chunked) or (self.whole and self.left <= 0) or self._short():
            self._answered()

    def _short(self) -> bool:
        return self.whole == 0 and self.left == 0 and b"ontent-Length" in self.data[:400]

    def _answered(self) -> None:
        now = time.perf_counter()
        self.times.append(now - self.began)
        self.firsts.append(self.first - self.began)
        if now < self.until:
            self._ask()
        else:
            self.transport.close()
            self.done.set_result(None)


async def _load(port: int, clients: int, request: bytes, seconds: float) -> list[_Client]:
    loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
    pairs = [
        await loop.create_connection(lambda: _Client(request, until), "127.0.0.1", port)
        for _ in range(clients)
    ]
    for _, each in pairs:
        await asyncio.wait_for(each.done, seconds + 20)
    return [each for _, each in pairs]


def _figures(port: int, api: str, seconds: float, process: int) -> dict[str, float]:
    whole, many = _request(api, "few", False), _request(api, "many", True)
    first = _request(api, "few", True)
    asyncio.run(_load(port, 4, whole, 0.5))  # warm
    one = asyncio.run(_load(port, 1, whole, seconds))[0]
    spent = [_spent(process)]
    sixteen = asyncio.run(_load(port, CLIENTS, whole, seconds))
    spent.append(_spent(process))
    streams = asyncio.run(_load(port, CLIENTS, many, seconds))
    spent.append(_spent(process))
    asked, chunks = sum(len(x.times) for x in sixteen), sum(x.chunks for x in streams)
    firsts = asyncio.run(_load(port, 1, first, seconds / 2))[0]
    times = sorted(one.times)
    return {
        "p50": statistics.median(times) * 1000,
        "p95": times[int(len(times) * 0.95)] * 1000,
        "rate16": asked / seconds,
        "chunks": chunks / seconds,
        "cpu": (spent[1] - spent[0]) / asked * 1e6,
        "cpu_chunk": (spent[2] - spent[1]) / chunks * 1e6,
        "first": statistics.median(firsts.firsts) * 1000,
    }


def _spent(process: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measure(
    start: Callable[[], contextlib.AbstractContextManager[tuple[int, int]]],
    api: str,
    seconds: float,
) -> dict[str, float]:
    with start() as (port, process):
        found = _figures(port, api, seconds, process)
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        found["resident"] = next(int(x.split()[1]) for x in lines if x.startswith("VmRSS")) / 1024
        return found

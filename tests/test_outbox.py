"""Writes of one turn of the loop, on real sockets; and what a server's answers leave behind."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import pytest

from host_server import answer, chunked, host, stream_of
from pellucid.models.outbox import Outbox
from served import Served, served

WHOLE = json.dumps(
    {
        "id": "a",
        "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
).encode()


@asynccontextmanager
async def _wire() -> AsyncIterator[tuple[asyncio.Transport, socket.socket]]:
    """A transport, and the socket that reads what is written to it."""
    here, there = socket.socketpair()
    there.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, here)
    try:
        yield cast(asyncio.Transport, transport), there
    finally:
        transport.abort()
        there.close()


def test_writes_go_out_in_order_when_the_turn_is_over() -> None:
    async def run() -> None:
        outbox = Outbox()
        async with _wire() as (one, there_one), _wire() as (two, there_two):
            for transport, data in ((one, b"1"), (two, b"2"), (one, b"3")):
                outbox.put(transport, data)
            with pytest.raises(BlockingIOError):
                there_one.recv(10)
            await asyncio.sleep(0)
            assert (there_one.recv(10), there_two.recv(10)) == (b"13", b"2")
            outbox.put(one, b"4")
            await asyncio.sleep(0)
            assert there_one.recv(10) == b"4"

    asyncio.run(run())


@pytest.mark.parametrize("end", ["abort", "write_eof"])
def test_one_that_cannot_be_written_to_costs_nobody_else(end: str) -> None:
    async def run() -> None:
        outbox = Outbox()
        async with _wire() as (one, _), _wire() as (two, there):
            outbox.put(one, b"1")
            outbox.put(two, b"2")
            getattr(one, end)()
            await asyncio.sleep(0)
            assert there.recv(10) == b"2"

    asyncio.run(run())


def test_what_is_held_goes_before_the_end() -> None:
    async def run() -> None:
        outbox = Outbox()
        async with _wire() as (one, there):
            outbox.put(one, b"1")
            outbox.send()  # as before a close
            one.close()
            await asyncio.sleep(0)
            assert there.recv(10) == b"1" and there.recv(10) == b""

    asyncio.run(run())


def test_long_writes_do_not_wait() -> None:
    """Who writes looks at once whether the reader keeps up."""

    async def run() -> None:
        outbox = Outbox()
        async with _wire() as (one, there):
            outbox.put(one, bytes(8 << 20))
            assert one.get_write_buffer_size() > 0 and len(there.recv(1 << 10)) == 1 << 10

    asyncio.run(run())


def test_a_client_that_sends_no_more_gets_its_answer() -> None:
    ask = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served() as server:
        for _ in range(20):
            link = socket.create_connection(("127.0.0.1", server.port), 20)
            link.sendall(ask)
            link.shutdown(socket.SHUT_WR)
            data = b""
            while piece := link.recv(1 << 16):
                data += piece
            link.close()
            assert data.startswith(b"HTTP/1.1 404 ") and data.endswith(b"}")


@contextmanager
def _asked(streamed: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    data, media = stream_of("openai", "Hi")
    act = chunked(data, media=media) if streamed else answer(WHOLE)
    with host(act) as there:
        monkeypatch.setenv("OPENAI_BASE_URL", there.base)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
        with served() as server:
            yield server


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_leaves_nothing_for_the_collector(
    streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What refers to itself stays until it is looked for: in a server that costs time and room."""
    body = json.dumps(
        {
            "model": "openai:gpt-x",
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": streamed,
        }
    )
    with _asked(streamed, monkeypatch) as server:
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

        def ask() -> None:
            link.request("POST", "/v1/chat/completions", body)
            response = link.getresponse()
            assert response.status == 200 and b"Hi" in response.read()

        ask()  # what is made once
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for _ in range(5):
                ask()
            gc.collect()
            left: list[Any] = [each for each in gc.garbage if _ours(each)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        link.close()
    assert left == []


def _ours(each: object) -> bool:
    return type(each).__module__.startswith("pellucid.")

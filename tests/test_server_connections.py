"""Clients that leave without a word, do not read, or are cut: what becomes of their connections."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_server import host, stalled
from pellucid.models.host_connection import HostConnection
from pellucid.models.outbox import Outbox
from pellucid.record.store import Store
from pellucid.server import connection
from pellucid.server.answering import Answering
from pellucid.server.limits import Limits
from pellucid.server.recorder import Recorder
from sample_receipts import second_turn
from served import Served, Stub, echo, served
from test_server_faults import CHAT, STREAMS, raw, say, stream_of
from test_server_security import in_front_of
from work import soon

LINES = "/api/chat"


def ticking(request: Any) -> Iterator[str]:
    for _ in range(400):
        time.sleep(0.02)
        yield "tick "


def until_end(link: socket.socket) -> bytes:
    link.settimeout(10)
    data = b""
    while piece := link.recv(1 << 16):
        data += piece
    return data


@pytest.mark.parametrize("api", STREAMS)
def test_a_stream_whose_time_is_up_ends_as_an_error(api: str) -> None:
    whole, broken = STREAMS[api]
    with served({"x": Stub("x", ticking)}, limits=Limits(call=1)) as server:
        data = stream_of(server, api)
    assert b"tick" in data and b"The answer took longer than 1 seconds." in data
    assert broken in data and whole not in data.partition(broken)[2]


@pytest.mark.parametrize("path", [CHAT, LINES])
def test_it_does_so_for_a_client_of_http_1_0(path: str) -> None:
    with served({"x": Stub("x", ticking)}, limits=Limits(call=1)) as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        data = raw(server, say("hi", stream=True), path)
        link.sendall(data.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        said = until_end(link)
        link.close()
    assert b"tick" in said and b"The answer took longer than 1 seconds." in said[-200:]


def test_an_error_of_our_own_ends_a_stream_as_an_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with served({"x": Stub("x", lambda _: iter(["tick ", "tack"]))}) as server:

        def broken(*_: object) -> None:
            raise ZeroDivisionError("by design")

        monkeypatch.setattr(server.server.conversations, "remember", broken)
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("hi", stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        said = until_end(link)
        link.close()
    assert b"tick" in said and b'"error"' in said[-200:] and b"[DONE]" not in said
    assert "ZeroDivisionError: by design" in capfd.readouterr().err


def test_a_client_that_sends_no_more_and_does_not_read_frees_its_slot() -> None:
    def words(request: Any) -> Iterator[str]:
        for _ in range(4000):
            time.sleep(0.005)
            yield "x" * 20_000

    with served({"x": Stub("x", words)}, limits=Limits(local=1)) as server:
        link = unread(server)
        link.sendall(raw(server, say("long", stream=True)))
        assert soon(lambda: any(each._room is not None for each in open_(server)))  # it waits
        link.shutdown(socket.SHUT_WR)
        assert soon(lambda: not server.server.busy, 5)
        link.close()


def unread(server: Served) -> socket.socket:
    """A client that has little room for what it is sent."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect(("127.0.0.1", server.port))
    return link


def test_a_client_whose_next_request_waits_is_seen_to_leave() -> None:
    with host(stalled(), stalled()) as there, in_front_of(there) as server:
        body = {"model": "mine", "stream": True, "messages": say("hi")["messages"]}
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(2 * raw(server, body))
        assert soon(lambda: server.server.busy)
        link.close()
        assert soon(lambda: not server.server.busy, 5)


def test_a_client_that_does_not_read_whole_answers_is_let_go() -> None:
    with served(limits=Limits(write=2)) as server:
        link = unread(server)
        assert soon(lambda: open_(server))
        (there,) = open_(server)
        link.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
        assert soon(lambda: there.full)
        assert there._transport.get_write_buffer_size() < 1 << 20
        assert soon(lambda: not open_(server))
        link.close()


def test_a_client_that_does_not_read_its_last_answer_is_let_go() -> None:
    with served({"x": Stub("x", lambda _: iter(["x" * 5_000_000]))}, limits=Limits(write=0.5)) as s:
        link = unread(s)
        assert soon(lambda: open_(s))
        (there,) = open_(s)
        link.sendall(raw(s, say("hi")).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        assert soon(lambda: there._closing)
        assert soon(lambda: not open_(s))
        link.close()


def test_what_was_refused_unread_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "AHEAD", 1000)
    head = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    def words(request: Any) -> Iterator[str]:
        time.sleep(0.5)
        yield "done"

    with served({"x": Stub("x", words)}) as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, say("hi")) + head + b" " * 3000)
        assert soon(lambda: any(each._paused for each in open_(server)))
        link.sendall(last)
        said = until_end(link)
        link.close()
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"404", b"200"]


def test_what_broke_in_other_streams_ends_with_a_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """In HTTP/1.0, where the end of the connection is that of the answer."""
    with served({"x": echo()}) as server:

        async def broken(*_: object) -> None:
            await asyncio.sleep(0.1)
            raise ZeroDivisionError("by design")

        monkeypatch.setattr(server.server.models, "pull", broken)
        link = socket.create_connection(("127.0.0.1", server.port))
        data = raw(server, {"model": "smollm2-135m"}, "/api/pull")
        link.sendall(data.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        with pytest.raises(ConnectionResetError):
            until_end(link)
        link.close()


def test_an_error_before_the_first_byte_is_an_error_with_its_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr(Answering, "shown", broken)
    with served({"x": echo()}) as server:
        assert server.post(CHAT, say("hi", stream=True)).status == 500


@pytest.mark.skipif(sys.platform != "linux", reason="its kernel says how long a queue is")
def test_many_can_connect_at_once() -> None:
    with served() as server:
        assert server.server._front is not None
        listener = server.server._front._servers[0].sockets[0]
        told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        assert struct.unpack_from("I", told, 28)[0] >= 512  # tcpi_sacked, of one that listens


def test_a_client_that_reads_slowly_gets_all() -> None:
    """Also one so slow that it takes less between two looks than the system holds for it."""
    answer, limits = "x" * 12_000_000, Limits(write=1)
    with served({"x": Stub("x", lambda _: iter([answer]))}, limits=limits) as server:
        link = unread(server)
        link.sendall(raw(server, say("hi")).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        link.settimeout(10)
        began, size = time.monotonic(), 0
        while piece := link.recv(1 << 16):
            size += len(piece)
            if time.monotonic() - began < 3.5 * limits.write:
                time.sleep(len(piece) / 300_000)
        link.close()
    assert size > len(answer)


def test_a_client_that_resets_while_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it still sends is not waited for, and nobody is told of an error."""
    answered, gone = threading.Event(), threading.Event()
    wrong: list[object] = []
    with served({"x": echo()}) as server:
        server.loop.set_exception_handler(lambda _, told: wrong.append(told))
        link = socket.create_connection(("127.0.0.1", server.port))
        soon(lambda: bool(open_(server)))
        kind = type(open_(server)[0]._transport)
        ends = kind.write_eof

        def write_eof(transport: Any) -> None:
            answered.set()
            assert gone.wait(5)
            ends(transport)

        monkeypatch.setattr(kind, "write_eof", write_eof)
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 30}\r\n\r\n"
        link.sendall(head.encode())
        assert answered.wait(5)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
        gone.set()
        soon(lambda: not open_(server))
        gc.collect()  # a task that failed tells when it goes
    assert wrong == []


def open_(server: Served) -> list[Any]:
    front = server.server._front
    assert front is not None
    return list(front.connections)


def test_what_cannot_be_kept_for_a_reason_of_our_own_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And the next receipts are."""
    with served({"x": echo()}, store=tmp_path / "r.db") as server:
        with monkeypatch.context() as patch:

            def broken(*_: object) -> None:
                raise MemoryError("by design")

            patch.setattr(Store, "add_all", broken)
            assert server.post(CHAT, say("one")).status == 200
            assert server.server.recorder is not None
            assert soon(lambda: server.server.recorder.failed == 1)
        assert server.post(CHAT, say("two")).status == 200
        assert len(server.get("/receipts").json["receipts"]) == 1
    assert "a receipt was not kept: MemoryError: by design" in capfd.readouterr().err


def test_receipts_go_on_where_the_terminal_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("by design")

    reader, writer = os.pipe()
    os.close(reader)
    gone = io.TextIOWrapper(os.fdopen(writer, "wb", buffering=0), write_through=True)
    monkeypatch.setattr(sys, "stderr", gone)
    monkeypatch.setattr(Store, "add_all", broken)
    keeping = Recorder(Store(tmp_path / "r.db"))
    keeping.keep(second_turn())
    keeping.flush()
    keeping.close()
    assert keeping.failed == 1


def test_a_host_that_says_more_than_was_asked_is_not_asked_again() -> None:
    two = b"".join(
        b"HTTP/1.1 %b\r\nContent-Length: 3\r\n\r\n%b" % each
        for each in ((b"200 OK", b"one"), (b"500 No", b"two"))
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(two)
        await writer.drain()
        writer.close()

    async def asked() -> tuple[int, bytes, bool]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            address = server.sockets[0].getsockname()
            loop = asyncio.get_running_loop()
            _, there = await loop.create_connection(lambda: HostConnection(Outbox()), *address)
            said = await there.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 5)
            body = b""
            while piece := await there.read(5):
                body += piece
            reusable = there.reusable
            there.close()
            return said.status, body, reusable

    assert asyncio.run(asked()) == (200, b"one", False)

"""HTTP as the server reads it, byte by byte: what two readers could take differently is refused."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator

import pytest

import pellucid.server.stream_writer
from pellucid.server.limits import Limits
from served import Served, Stub, echo, served

pytestmark = pytest.mark.timeout(60)
BODY = json.dumps(
    {"model": "echo", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 9}
).encode()
HOST = b"Host: localhost\r\n"
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
GOOD = CHAT + LENGTH + b"\r\n" + BODY
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKS = (
    b"%x;note=1\r\n" % 10 + BODY[:10] + b"\r\n%X\r\n" % len(BODY[10:]) + BODY[10:] + b"\r\n0\r\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served({"echo": echo()}) as running:
        yield running


def talk(server: Served, *pieces: bytes, wait: float = 2.0) -> bytes:
    """Everything that comes back until the server closes, or says nothing for a while."""
    got = b""
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        for piece in pieces:
            link.sendall(piece)
            if len(pieces) > 1:
                time.sleep(0.02)
        link.settimeout(wait)
        try:
            while data := link.recv(65536):
                got += data
        except (TimeoutError, ConnectionError):
            pass
    return got


def closing(request: bytes) -> bytes:
    return request.replace(HOST, HOST + b"Connection: close\r\n", 1)


def statuses(got: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", got)]


def test_one_request_after_another_and_in_a_row(server: Served) -> None:
    got = talk(server, HEALTH, GOOD, closing(HEALTH))
    assert statuses(got) == [200, 200, 200]
    in_a_row = talk(server, GOOD * 5 + HEALTH + closing(GOOD))
    assert statuses(in_a_row) == [200] * 7
    assert in_a_row.count(b'"content":"hello"') == 6
    assert in_a_row.index(b'"status":"ok"') > in_a_row.rindex(b"hello", 0, -400)


def test_a_request_in_single_bytes(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        for i in range(len(GOOD)):
            link.sendall(GOOD[i : i + 1])
        assert link.recv(20).startswith(b"HTTP/1.1 200 ")


def test_a_body_in_chunks(server: Served) -> None:
    for end in (b"\r\n", b"Trailer-Field: x\r\n\r\n"):
        got = talk(server, closing(CHAT) + CHUNKED + b"\r\n" + CHUNKS + end)
        assert statuses(got) == [200] and b"hello" in got


AMBIGUOUS = {
    "two lengths": CHAT + LENGTH + b"Content-Length: 3\r\n\r\n" + BODY,
    "a list of lengths": CHAT + b"Content-Length: 3, 3\r\n\r\n" + BODY,
    "a length with a sign": CHAT + b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY,
    "a negative length": CHAT + b"Content-Length: -1\r\n\r\n" + BODY,
    "length and chunks": CHAT + LENGTH + CHUNKED + b"\r\n" + CHUNKS + b"\r\n",
    "chunks and length": CHAT + CHUNKED + LENGTH + b"\r\n" + CHUNKS + b"\r\n",
    "chunks not last": CHAT + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + CHUNKS + b"\r\n",
    "another coding": CHAT + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS + b"\r\n",
    "a coding misspelt": CHAT + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS + b"\r\n",
    "two codings": CHAT + CHUNKED + CHUNKED + b"\r\n" + CHUNKS + b"\r\n",
    "chunks in HTTP/1.0": GOOD.replace(b"1.1", b"1.0").replace(LENGTH, CHUNKED),
    "a folded line": CHAT + b"X-One: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY,
    "a line end without CR": CHAT + b"X-One: a\n" + LENGTH + b"\r\n" + BODY,
    "all line ends without CR": GOOD.replace(b"\r\n", b"\n"),
    "a CR alone": CHAT + b"X-One: a\rb\r\n" + LENGTH + b"\r\n" + BODY,
    "a blank before the colon": CHAT + b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY,
    "a name with a blank": CHAT + b"X One: a\r\n" + LENGTH + b"\r\n" + BODY,
    "a zero byte": CHAT + b"X-One: a\0b\r\n" + LENGTH + b"\r\n" + BODY,
    "no name": CHAT + b": a\r\n" + LENGTH + b"\r\n" + BODY,
    "a chunk too long": CHAT + CHUNKED + b"\r\n2\r\nabcdef\r\n0\r\n\r\n",
    "a chunk of no size": CHAT + CHUNKED + b"\r\nxyz\r\nabc\r\n0\r\n\r\n",
    "a chunk of a huge size": CHAT + CHUNKED + b"\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a chunk's line end without CR": CHAT + CHUNKED + b"\r\n1\n{\r\n0\r\n\r\n",
    "two hosts": GOOD.replace(HOST, HOST + HOST),
    "no host": GOOD.replace(HOST, b""),
    "no path": GOOD.replace(b"/v1/chat", b"v1/chat"),
    "another's address": GOOD.replace(b"/v1/chat", b"http://example.com/v1/chat"),
    "a tunnel": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
    "no method": b"GET\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(80),
    "expects what nobody knows": GOOD.replace(HOST, HOST + b"Expect: miracles\r\n"),
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_is_refused(server: Served, what: str) -> None:
    """One answer, an error, and nothing behind it is taken for a request of its own."""
    got = talk(server, AMBIGUOUS[what] + HEALTH)
    assert len(statuses(got)) == 1, got
    assert statuses(got)[0] in (400, 405, 417, 501, 505), got
    assert b"Connection: close\r\n" in got and b'"error"' in got


def test_what_follows_a_bad_request_is_not_read_and_what_came_before_is_answered(
    server: Served,
) -> None:
    got = talk(server, GOOD + b"nonsense\r\n\r\n" + GOOD)
    assert statuses(got) == [200, 400]


def test_heads_have_bounds(server: Served) -> None:
    assert statuses(talk(server, CHAT + b"X-Long: " + b"a" * 70_000)) == [431]
    assert statuses(talk(server, CHAT + b"X-N: 1\r\n" * 300 + LENGTH + b"\r\n" + BODY)) == [431]
    assert statuses(talk(server, b"GET /" + b"a" * 70_000)) == [431]
    long = closing(CHAT) + b"X-Long: " + b"a" * 9_000 + b"\r\n" + LENGTH + b"\r\n" + BODY
    assert statuses(talk(server, long)) == [200]


def test_the_old_version_and_the_head_alone(server: Served) -> None:
    old = talk(server, GOOD.replace(b"1.1", b"1.0") + HEALTH)
    assert statuses(old) == [200] and b"hello" in old
    streamed = BODY.replace(b'"max_tokens": 9', b'"stream": true')
    head = CHAT.replace(b"1.1", b"1.0") + b"Content-Length: %d\r\n\r\n" % len(streamed)
    old = talk(server, head + streamed)
    assert b"chunked" not in old and old.endswith(b"data: [DONE]\n\n")
    only = talk(server, closing(HEALTH).replace(b"GET", b"HEAD"))
    assert statuses(only) == [200] and only.endswith(b"\r\n\r\n")
    assert int(only.split(b"Content-Length: ")[1].split(b"\r\n")[0]) > 0


def test_a_client_that_asks_before_it_sends(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.settimeout(5)
        link.sendall(CHAT + LENGTH + b"Expect: 100-continue\r\n\r\n")
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(BODY)
        assert link.recv(20).startswith(b"HTTP/1.1 200 ")
    head = CHAT.replace(b"localhost", b"example.com") + LENGTH + b"Expect: 100-continue\r\n\r\n"
    assert statuses(talk(server, head)) == [403]


def test_nothing_but_http_is_spoken_though_it_is_offered(server: Served) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    for request in (HEALTH, GOOD, CHAT + CHUNKED + b"\r\n" + CHUNKS + b"\r\n"):
        got = talk(server, request.replace(HOST, HOST + offer) + closing(HEALTH))
        assert statuses(got) == [200, 200], got


def test_a_head_that_does_not_come() -> None:
    with served({"echo": echo()}, limits=Limits(read=0.2)) as server:
        assert statuses(talk(server, CHAT[:-10])) == [408]
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.settimeout(5)
            got = b""
            for byte in CHAT[:40]:  # slowly, but never silent
                try:
                    link.sendall(bytes([byte]))
                except ConnectionError:
                    break
                time.sleep(0.02)
            got = link.recv(100)
            assert b" 408 " in got


def test_a_quiet_stream_shows_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pellucid.server.stream_writer, "QUIET", 0.05)

    def slow(_: object) -> Iterator[str]:
        for word in ("one", " two"):
            time.sleep(0.2)
            yield word

    streamed = BODY.replace(b'"max_tokens": 9', b'"stream": true')
    with served({"echo": Stub("echo", slow)}) as server:
        got = talk(server, closing(CHAT) + b"Content-Length: %d\r\n\r\n" % len(streamed) + streamed)
    assert got.count(b": the answer goes on\n\n") >= 2
    assert b'"one"' in got and b'" two"' in got and b"data: [DONE]\n\n" in got

"""A client's connection: HTTP/1.1 read by llhttp (httptools), as strictly as it can be.

https://www.rfc-editor.org/rfc/rfc9112. What two readers could take for different requests is
refused: a length beside a transfer coding, two lengths, folded lines, line ends without CR, blanks
before a colon, codings other than chunked.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import httptools

from .http_request import AHEAD, Headers, HttpRequest
from .http_response import Response

if TYPE_CHECKING:
    from .front import Front

HEAD = 1 << 16
"""Bytes of a request's head."""
FIELDS = 200
"""Header fields of a request."""
UNSENT = 1 << 17
"""Bytes that the system holds for a client before it sends them; behind more it could not be seen
for long whether a slow client takes any."""
WAITING = 8
"""Requests of one connection that may wait for the one before."""
LINGER = 2.0
"""Seconds in which a client whose request was not read to its end may read why."""
STATUS_LINES = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus
}


class Connection(asyncio.Protocol):
    """Answers requests one after another, in the order they came."""

    def __init__(self, front: Front) -> None:
        self.remote = ""
        self.since = time.monotonic()
        """When it began to wait: for a request, or for the rest of a head."""
        self._front = front
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[HttpRequest] = deque()
        self._request: HttpRequest | None = None
        self._in_head = False
        self._size = self._fed = 0
        self._target = self._plain_head = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self.full = False
        self._paused = self._closing = False
        self._room: asyncio.Future[None] | None = None
        self._written = self._taken = 0
        self._took = self.since
        """When its client last took any of what was written."""
        self._refusal: Response | None = None
        self._parser = httptools.HttpRequestParser(self)

    # -- what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's have no such base
        self.remote = (transport.get_extra_info("peername") or ("",))[0]
        with contextlib.suppress(AttributeError, OSError):  # not every system can be told
            link = transport.get_extra_info("socket")
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self._front.connections.add(self)

    def eof_received(self) -> None:
        """A client that sends no more counts as gone; it may still read what is there for it."""
        self._front.outbox.send()
        if self._task is not None:
            self._task.cancel()

    def connection_lost(self, error: Exception | None) -> None:
        self._front.connections.discard(self)
        self._closing = True
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._closing or self._refusal is not None:
            return
        self._fed = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Nothing else is spoken here: the request is read again as if it had not offered to.
            self._parser = httptools.HttpRequestParser(self)
            self.data_received(self._plain_head + data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400, "The request is not HTTP/1.1 as it should be.")
        else:
            self._size += self._fed if self._in_head else 0
            if self._size > HEAD:
                self._refuse(431, f"The head of the request is longer than {HEAD >> 10} KB.")

    # -- what the parser tells

    def on_message_begin(self) -> None:
        self._in_head, self._target, self._fields = True, b"", []
        self._size = 0
        self.since = time.monotonic()

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else it is a trailer, which nobody reads
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        long = self._size + self._fed > HEAD and self._length() > HEAD
        self._in_head, self._size = False, 0
        parser = self._parser
        if parser.should_upgrade() and parser.get_method() != b"CONNECT":
            self._request, self._plain_head = None, self._without_offer()
            return
        headers = Headers(self._fields)
        request = self._request = HttpRequest(
            self,
            parser.get_method().decode(),
            self._target.decode("latin-1"),
            headers,
            version=parser.get_http_version(),
            keep_alive=parser.should_keep_alive(),
        )
        if long or len(self._fields) > FIELDS:
            self._refuse(431, f"The head of the request is longer than {HEAD >> 10} KB.")
        elif why := _unacceptable(request):
            self._refuse(*why)
        elif self._refusal is None:
            if self._task is None:
                self._task = self._front.loop.create_task(self._serve(request))
            else:
                self._waiting.append(request)
                self.flow()

    def _length(self) -> int:
        """Bytes of the head's contents."""
        return len(self._target) + sum([len(name) + len(value) for name, value in self._fields])

    def _without_offer(self) -> bytes:
        """The head again, without its offer to go on in another protocol."""
        version = self._parser.get_http_version().encode()
        lines = [self._parser.get_method() + b" " + self._target + b" HTTP/" + version]
        fields = [field for field in self._fields if field[0].lower() != b"upgrade"]
        return b"\r\n".join([*lines, *(name + b": " + value for name, value in fields), b"", b""])

    def on_body(self, piece: bytes) -> None:
        if self._request is not None and self._refusal is None:
            self._request.feed(piece)
            self.flow()

    def on_message_complete(self) -> None:
        if self._request is not None:
            self._request.feed_end()

    # -- requests, answered

    async def _serve(self, request: HttpRequest) -> None:
        """Answer a request, and those that came meanwhile."""
        try:
            while not self._closing:
                response = await self._front.handle(request)
                if response is None:
                    self._finish(request)
                elif request.answered:
                    self._break_off()
                else:
                    self._answer(request, response)
                    if self.full and not self._closing:
                        await self.drained()
                if not self._waiting:
                    break
                request = self._waiting.popleft()
                self.flow()
            self._answer_refused()
        except ConnectionError:  # nobody is there, or reads
            self.abort()
        finally:
            self._task = None
            self.since = time.monotonic()

    def _answer(self, request: HttpRequest, response: Response) -> None:
        fields = {
            "Content-Type": response.media,
            "Content-Length": str(len(response.body)),
            **response.headers,
        }
        head = self.head(request, response.status, fields)
        self.write(head if request.method == "HEAD" else head + response.body)
        self._finish(request)

    def _finish(self, request: HttpRequest) -> None:
        if request.keep_alive:
            request.rest()  # of one that was refused unread
        else:
            self._close(request.whole)

    def _refuse(self, status: int, said: str) -> None:
        """Answer what is no request that can be read, behind those that could."""
        self._refusal = self._refusal or self._front.refuse(status, said)
        if self._request is not None and not self._request.whole:
            self._request.break_off()
        if self._task is None:
            self._answer_refused()

    def _answer_refused(self) -> None:
        if self._refusal is not None and not self._closing:
            nothing = HttpRequest(self, "GET", "", Headers(()), keep_alive=False)
            self._answer(nothing, self._refusal)

    def _break_off(self) -> None:
        """A stream that broke must not look whole, also where it lasts as long as the connection:
        this ends with a reset. Who sends no more may read what is there."""
        if not self._transport.is_closing():
            link = self._transport.get_extra_info("socket")
            with contextlib.suppress(OSError):  # the client was faster
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.abort()

    def _close(self, at_once: bool) -> None:
        """A client that still sends would lose the answer if the connection went now."""
        self._closing = True
        self._front.outbox.send()
        if at_once:
            self._transport.close()
        elif not self._transport.is_closing():
            with contextlib.suppress(OSError):  # the client was faster
                self._transport.write_eof()
            self._transport.resume_reading()
            self._front.loop.call_later(LINGER, self._transport.close)

    # -- what requests and answers need

    def head(self, request: HttpRequest, status: int, fields: Mapping[str, str]) -> bytes:
        request.answered = True
        request.keep_alive = request.keep_alive and request.whole and not self._front.closing
        if request.version != "1.1":
            request.keep_alive = False
        lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
        last = b"\r\n" if request.keep_alive else b"Connection: close\r\n\r\n"
        return STATUS_LINES[status] + lines.encode("latin-1", "replace") + self._front.date + last

    def write(self, data: bytes) -> None:
        self._written += len(data)
        self._front.outbox.put(self._transport, data)

    async def drained(self) -> None:
        while self.full and not self._transport.is_closing():
            self._room = self._front.loop.create_future()
            await self._room
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")

    def flow(self) -> None:
        # While nothing is read a client that leaves is not noticed: a few may wait.
        waiting, request = self._waiting, self._request
        if waiting:
            pause = len(waiting) >= WAITING or sum([each.held for each in waiting]) > AHEAD
        else:
            pause = request is not None and request.held > AHEAD
        if pause != self._paused and not self._transport.is_closing():
            self._paused = pause
            if pause:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def abort(self) -> None:
        self._transport.abort()

    def check(self, now: float) -> None:
        """Let go of a client that takes nothing of what it is sent, or too long over a head, or
        says nothing more."""
        limits, left = self._front.limits, self._transport.get_write_buffer_size()
        taken = self._written - left
        if taken > self._taken or not left:
            self._taken, self._took = taken, now
        elif now - self._took > limits.write:
            self.abort()
        if self._task is not None or self._closing or self._transport.is_closing():
            return
        if self._in_head and now - self.since > limits.read:
            self._refuse(408, f"The request did not arrive in {limits.read:g} seconds.")
        elif now - self.since > self._front.idle:
            self._transport.close()

    def close_idle(self) -> None:
        if self._task is None:
            self._front.outbox.send()
            self._transport.close()


def _unacceptable(request: HttpRequest) -> tuple[int, str] | None:
    """Status and words for a head that is HTTP, but not answered."""
    headers = request.headers
    if request.method == "CONNECT":
        return 405, "This is not a proxy."
    if not (request.raw_path.startswith("/") and request.raw_path.isascii()):
        return 400, "The request's target is not a path."
    if request.version not in ("1.0", "1.1"):
        return 505, "HTTP/1.1 is spoken here."
    if request.version == "1.1" and len(headers.all("host")) != 1:
        return 400, "The request must name one Host."
    if "transfer-encoding" in headers:
        codings = [each.lower() for each in headers.all("transfer-encoding")]
        if request.version != "1.1" or codings != ["chunked"]:
            return 501, "Bodies may be in chunks, not coded otherwise."
    if headers.get("expect", "100-continue").lower() != "100-continue":
        return 417, "Only 100-continue can be expected."
    return None

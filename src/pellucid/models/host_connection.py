"""A connection to a host for tasks: HTTP/1.1 answers, read by llhttp (httptools)."""

from __future__ import annotations

import asyncio
from http.client import BadStatusLine, IncompleteRead
from typing import cast

try:
    import httptools
except ImportError as error:
    from ..errors import UsageError

    raise UsageError(
        "Calling hosts from many tasks needs httptools: pip install 'pellucid[async]'"
    ) from error

from .outbox import Outbox
from .steps import Answer

AHEAD = 1 << 20
"""Bytes that may wait to be read."""
HEAD = 1 << 17
"""Bytes of an answer's head."""


class HostConnection(asyncio.Protocol):
    """Asks, and reads the answer; then the next, where it can be kept (`reusable`).

    What goes wrong is raised as the standard library's own client has it: `OSError`,
    `TimeoutError`, `HTTPException`.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.used = False
        """It has carried a call before."""
        self.since = 0.0
        self._loop = asyncio.get_running_loop()
        self._outbox = outbox
        self._parser = httptools.HttpResponseParser(self)
        self._wake: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._end = 0.0
        self._error: Exception | None = None
        self._pieces: list[bytes] = []
        self._held = 0
        self._asking = self._paused = False
        self._begin()

    def _begin(self) -> None:
        self._fields: list[tuple[bytes, bytes]] = []
        self._headers: dict[str, str] | None = None
        self._whole = self._keep = self._until_end = False
        self._size = 0

    # -- for those who ask

    async def ask(self, data: bytes, seconds: float) -> Answer:
        """Send a request; the head of the answer to it."""
        self._begin()
        self._asking = True
        self._outbox.put(self._transport, data)
        while self._headers is None:
            await self._more(seconds)
        return Answer(self._parser.get_status_code(), self._headers)

    async def read(self, seconds: float) -> bytes:
        """What has come of the body; nothing at its end."""
        while not self._pieces:
            if self._whole:
                return b""
            await self._more(seconds)
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    @property
    def reusable(self) -> bool:
        """The answer was read to its end, and the host keeps the connection."""
        return self._whole and not self._pieces and self._keep and self.alive

    @property
    def alive(self) -> bool:
        return self._error is None and not self._transport.is_closing()

    def rest(self) -> None:
        """Nothing more is asked for a while: what the host says now is out of turn."""
        self.used, self._asking = True, False

    def close(self) -> None:
        self._transport.abort()

    async def _more(self, seconds: float) -> None:
        """Wait for the host. Raises what went wrong, or `TimeoutError`."""
        if self._error is not None:
            raise self._error
        end = self._end = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > end:
            self._set_timer(end)
        wake = self._wake = self._loop.create_future()
        try:
            await wake
        finally:
            self._wake = None

    def _set_timer(self, when: float) -> None:
        """One for all waits, which come and go faster than any of them ends."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """Whether the host has been waited for too long."""
        self._timer = None
        if self._wake is None or self._wake.done():
            return
        if self._loop.time() < self._end:
            self._set_timer(self._end)
        else:
            self._wake.set_exception(TimeoutError())

    def _tell(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._transport.abort()
        self._tell()

    # -- what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's have no such base

    def data_received(self, data: bytes) -> None:
        if not self._asking or self._whole:
            self._fail(ConnectionResetError("the host spoke out of turn"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(BadStatusLine("not HTTP"))
            return
        self._size += len(data) if self._headers is None else 0
        if self._size > HEAD:
            self._fail(BadStatusLine("a head without end"))
        self._tell()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None and self._headers is not None and self._until_end:
            self._whole, self._keep = True, False
        elif error is None and self._headers is not None:
            error = IncompleteRead(b"")
        self._error = self._error or error or ConnectionResetError("the host hung up")
        if self._timer is not None:
            self._timer.cancel()
        self._tell()

    # -- what the parser tells

    def on_message_begin(self) -> None:
        if self._whole:
            raise ConnectionResetError("the host spoke out of turn")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # the answer proper comes later
            self._fields.clear()
            return
        headers: dict[str, str] = {}
        for key, value in self._fields:
            name, text = key.decode("latin-1").lower(), value.decode("utf-8", "replace")
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
        self._headers = headers
        self._keep = self._parser.should_keep_alive()
        self._until_end = not ("content-length" in headers or "transfer-encoding" in headers)

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        self._whole = self._headers is not None

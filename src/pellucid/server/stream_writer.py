"""A call's events, written to its client as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..dialects.base import Failure, ReplyEncoder
from ..replies import Event
from .http_response import Stream

if TYPE_CHECKING:
    from .answering import Answering

EVENTS = "text/event-stream"
QUIET = 15.0
"""Seconds after which a stream of events shows that it goes on, by a comment that clients skip:
what stands between ends connections on which nothing moves."""
COMMENT = b": the answer goes on\n\n"


class StreamWriter:
    """`encoder` is made once there is something to write: the id of a call is known only when it
    has been prepared."""

    def __init__(
        self, answering: Answering, encoder: Callable[[], ReplyEncoder], media: str
    ) -> None:
        self._begun = False
        self._answering = answering
        self._make = encoder
        self._media = media
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        if media == EVENTS:
            self._timer = self._loop.call_later(QUIET, self._show_life)

    async def write(self, events: list[Event]) -> None:
        begin, encode, shown = self._begin(), self._encoder.encode, self._answering.shown
        await self._send(begin + b"".join([encode(shown(event)) for event in events]))

    async def end(self) -> None:
        self.close()
        await self._send(self._begin() + self._encoder.end())
        await self._stream.end()

    async def fail(self, failure: Failure) -> None:
        self.close()
        with contextlib.suppress(ConnectionError):
            await self._send(self._encoder.fail(failure))
            await self._stream.end()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> bytes:
        """What comes before the first event."""
        if self._begun:
            return b""
        self._begun = True
        self._encoder = self._make()
        fields = {"Cache-Control": "no-cache", **self._answering.receipt_header}
        self._stream = Stream(self._answering.visit.request, self._media, fields)
        return self._encoder.start()

    async def _send(self, data: bytes) -> None:
        """Raises `ConnectionError` when the client is gone, or does not read."""
        if not data:
            return
        self._last = self._loop.time()
        await self._stream.write(data)

    def _show_life(self) -> None:
        left = self._last + QUIET - self._loop.time()
        if left <= 0 and self._answering.id and not self._answering.visit.request.link.full:
            self._last = self._loop.time()
            begin = self._begin()
            self._stream.write_now(begin + COMMENT)
        self._timer = self._loop.call_later(left if left > 0 else QUIET, self._show_life)

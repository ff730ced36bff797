"""No answer is lost between two streams of a tab of a browser.

Gradio sends a tab's results in a stream that ends when nothing is pending; the tab opens the next
one with its next event. An event that arrives while the end of the stream is still on its way to
the browser finds it open there, so nobody opens another, and its results wait unread. So what is
answered to an event stays back until the end of the stream before it has surely arrived.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ARRIVES = 0.1
"""Seconds after which a browser has read the end of a stream."""
ENDS = b'"msg":"close_stream"'


class Streams:
    """A layer around Gradio's application."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self._ended: deque[tuple[float, str]] = deque()
        """When streams ended, and whose they were: those of the last moment, oldest first."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.endswith("/queue/data"):
            await self._results(scope, receive, send)
        elif path.endswith("/queue/join"):
            await self._event(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _results(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]

        async def watched(message: Message) -> None:
            if ENDS in message.get("body", b""):
                self._ended.append((time.monotonic(), session))
            await send(message)

        await self._inner(scope, receive, watched)

    async def _event(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()

        async def read() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def held(message: Message) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(self._until_read(bytes(body)))
            await send(message)

        await self._inner(scope, read, held)

    def _until_read(self, event: bytes) -> float:
        """Seconds until the tab that sent an event knows that its last stream has ended."""
        now = time.monotonic()
        while self._ended and now - self._ended[0][0] > ARRIVES:
            self._ended.popleft()
        try:
            session = json.loads(event)["session_hash"]
        except (ValueError, TypeError, KeyError):
            return 0
        return max((ARRIVES - (now - at) for at, of in self._ended if of == session), default=0)

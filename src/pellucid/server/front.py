"""What listens: sockets, the connections they take, and the clock that watches these."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from ..models.outbox import Outbox
from .connection import Connection
from .http_request import HttpRequest
from .http_response import Response
from .limits import Limits

IDLE = 75.0
"""Seconds that a connection is kept without a request."""
TICK = 1.0
BACKLOG = 512
"""Connections that the system takes before they are looked at."""


class Front:
    """`handle` answers a request, or returns `None` once it has streamed its answer; `refuse` makes
    the answer to what is no request."""

    def __init__(
        self,
        handle: Callable[[HttpRequest], Awaitable[Response | None]],
        refuse: Callable[[int, str], Response],
        limits: Limits,
        outbox: Outbox,
    ) -> None:
        self.handle = handle
        self.refuse = refuse
        self.limits = limits
        self.idle = IDLE
        self.connections: set[Connection] = set()
        self.outbox = outbox
        self.closing = False
        self.date = b""
        self.loop = asyncio.get_running_loop()
        self._every = min(TICK, limits.read / 4, limits.write / 4)
        self._servers: list[asyncio.Server] = []
        self._tick()

    async def listen(self, listener: socket.socket) -> None:
        server = await self.loop.create_server(
            lambda: Connection(self), sock=listener, backlog=BACKLOG
        )
        self._servers.append(server)

    def stop_listening(self) -> None:
        """Take no more connections, and no more requests on those there are."""
        self.closing = True
        for server in self._servers:
            server.close()
        for connection in tuple(self.connections):
            connection.close_idle()

    async def close(self) -> None:
        """End what is left."""
        self._timer.cancel()
        for connection in tuple(self.connections):
            connection.close_idle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while self.connections:
                    await asyncio.sleep(0.01)
        for connection in tuple(self.connections):
            connection.abort()

    def _tick(self) -> None:
        self._timer = self.loop.call_later(self._every, self._tick)
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
        self.outbox.send()  # what clients have taken is counted from what they were sent
        now = time.monotonic()
        for connection in tuple(self.connections):
            connection.check(now)

"""The async transport: many calls at once in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from functools import partial
from http.client import HTTPException
from typing import Any, Self

from ..errors import PellucidError, Unreachable
from ..replies import Event
from . import faults, route
from .addresses import Origin
from .host_connection import HostConnection
from .http import IDLE, Timeouts, request_bytes, tunnel_head, tunnel_opened
from .outbox import Outbox
from .steps import LINGER, Answer, Drain, Open, Post, Read, Steps, Wait


class AsyncClient:
    """Keeps connections to hosts; an async context manager, for one event loop. What it writes goes
    through `outbox`, beside what others of that loop write."""

    def __init__(
        self,
        timeouts: Timeouts | None = None,
        *,
        offline: bool = False,
        outbox: Outbox | None = None,
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self.offline = offline
        self._outbox = outbox or Outbox()
        self._idle: defaultdict[Origin, list[HostConnection]] = defaultdict(list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        kept = [connection for all in self._idle.values() for connection in all]
        self._idle.clear()
        for connection in kept:
            connection.close()
        await asyncio.sleep(0)  # in which they are closed

    async def stream(self, steps: Steps) -> AsyncGenerator[list[Event], None]:
        """The events of a call, as many at a time as came together. Closing the generator, or
        cancelling its task, closes the connection at once."""
        call = _Call(self, steps)
        try:
            while (events := await call.events()) is not None:
                yield events
        finally:
            call.end()

    async def run(self, steps: Steps, take: Callable[[list[Event]], object]) -> None:
        """The same for events that are of use once all are there: `take` gets them as they come."""
        call = _Call(self, steps)
        try:
            while (events := await call.events()) is not None:
                take(events)
        finally:
            call.end()

    async def take(self, origin: Origin) -> HostConnection:
        """A connection to a host: a kept one, or a new one. Raises `Unreachable`."""
        route.require_allowed(origin, self.offline)
        kept, fresh = self._idle[origin], time.monotonic() - IDLE
        while kept:
            connection = kept.pop()
            if connection.alive and connection.since > fresh:
                return connection
            connection.close()
        return await self._connect(origin)

    def keep(self, origin: Origin, connection: HostConnection) -> None:
        now = time.monotonic()
        connection.rest()
        connection.since = now
        kept = self._idle[origin]
        while kept and kept[0].since < now - IDLE:
            kept.pop(0).close()
        kept.append(connection)

    async def _connect(self, origin: Origin) -> HostConnection:
        proxy = route.proxy(origin)
        place = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
        loop = asyncio.get_running_loop()
        with faults.named(origin, proxy):
            async with asyncio.timeout(self.timeouts.connect):
                sock = await _dial(place)
                try:
                    if origin.scheme == "https" and proxy:
                        await _tunnel(sock, origin, proxy)
                    options: dict[str, Any] = {}
                    if origin.scheme == "https":
                        options = {"ssl": route.certificates(), "server_hostname": origin.host}
                    make = partial(HostConnection, self._outbox)
                    _, made = await loop.create_connection(make, sock=sock, **options)
                except BaseException:
                    sock.close()
                    raise
        return made


async def _dial(place: tuple[str, int]) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure = OSError("no address")
    found = await loop.getaddrinfo(*place, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
            return sock
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise failure


async def _tunnel(sock: socket.socket, origin: Origin, proxy: route.Proxy) -> None:
    """Ask a proxy to pass on what follows."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, tunnel_head(origin, proxy))
    answer = b""
    while not tunnel_opened(answer, origin, proxy):
        data = await loop.sock_recv(sock, 1)  # nothing of what comes after the head may be taken
        if not data:
            raise Unreachable(f"The proxy {proxy.host}:{proxy.port} broke off.", code="reset")
        answer += data


class _Call:
    """One call, carried out step by step, and its open answer."""

    def __init__(self, client: AsyncClient, steps: Steps) -> None:
        self._client = client
        self._steps = steps
        self._connection: HostConnection | None = None
        self._origin: Origin | None = None
        self._seconds = client.timeouts.first
        self._phase = "first"

    async def events(self) -> list[Event] | None:
        """Those that came next; `None` at the end."""
        steps = self._steps
        try:
            step = next(steps)
            while type(step) is not list:
                result: Answer | bytes | None = None
                try:
                    match step:
                        case Read():
                            result = await self._read()
                        case Open(post):
                            result = await self._open(post)
                        case Drain():
                            result = await self._drain()
                        case Wait(seconds):
                            await asyncio.sleep(seconds)
                except PellucidError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            return None
        return step

    def end(self) -> None:
        self._steps.close()
        self._release()

    async def _open(self, post: Post) -> Answer:
        self._release()
        timeouts = self._client.timeouts
        first = self._seconds = timeouts.whole if post.whole else timeouts.first
        self._phase = "first"
        origin = self._origin = Origin.of(post.url.partition("?")[0])
        data = request_bytes(post, origin)
        while True:
            connection = self._connection = await self._client.take(origin)
            try:
                return await connection.ask(data, first)
            except (OSError, HTTPException) as error:
                failure = faults.translated(error, origin, timeout="first")
                connection.close()
                if not (connection.used and isinstance(failure, Unreachable)):
                    raise failure from error

    async def _read(self) -> bytes:
        assert self._connection is not None and self._origin is not None
        try:
            data = await self._connection.read(self._seconds)
        except (OSError, HTTPException) as error:
            raise faults.translated(error, self._origin, timeout=self._phase) from error
        self._seconds, self._phase = self._client.timeouts.silence, "silence"
        return data

    async def _drain(self) -> bytes:
        assert self._connection is not None
        rest, end = b"", time.monotonic() + LINGER
        with contextlib.suppress(OSError, HTTPException):
            while (left := end - time.monotonic()) > 0:
                data = await self._connection.read(left)
                if not data:
                    break
                rest += data
        return rest

    def _release(self) -> None:
        """Keep the connection if its answer was read to the end, else close it."""
        connection, self._connection = self._connection, None
        if connection is None or self._origin is None:
            return
        if connection.reusable:
            self._client.keep(self._origin, connection)
        else:
            connection.close()

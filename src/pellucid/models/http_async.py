"""The async transport, on aiohttp: many calls at once in one thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, Self

from ..errors import BadReply, PellucidError, ProviderError, Unreachable, UsageError

try:
    import aiohttp
except ImportError as error:
    raise UsageError(
        "Calling hosts from many tasks needs aiohttp: pip install 'pellucid[async]'"
    ) from error

from ..replies import Event
from . import faults, route
from .addresses import Origin
from .http import IDLE, Timeouts
from .steps import LINGER, Answer, Drain, Open, Post, Read, Steps, Wait


class AsyncClient:
    """Keeps connections to hosts; an async context manager, for one event loop."""

    def __init__(
        self, timeouts: Timeouts | None = None, *, offline: bool = False, connections: int = 0
    ) -> None:
        """`connections` bounds how many are open at once; 0: none."""
        self.timeouts = timeouts or Timeouts()
        self.offline = offline
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=IDLE)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.timeouts.connect),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def stream(self, steps: Steps) -> AsyncGenerator[Event, None]:
        """The events of a call. Closing the generator, or cancelling its task, closes the
        connection at once."""
        call = _Call(self)
        step = next(steps)
        try:
            while True:
                if isinstance(step, list):
                    for event in step:
                        yield event
                try:
                    result = await call.do(step)
                except PellucidError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            pass
        finally:
            steps.close()
            call.release()

    async def open(self, post: Post) -> aiohttp.ClientResponse:
        assert self._session is not None, "an AsyncClient is opened with `async with`"
        origin = Origin.of(post.url.partition("?")[0])
        route.require_allowed(origin, self.offline)
        proxy = route.proxy(origin)
        options: dict[str, Any] = {"ssl": route.certificates()} if origin.scheme == "https" else {}
        if proxy is not None:
            options["proxy"] = f"http://{proxy.host}:{proxy.port}"
            if proxy.authorization:
                options["proxy_headers"] = {"Proxy-Authorization": proxy.authorization}
        return await self._session.request(
            post.method,
            post.url,
            data=post.body or None,
            headers=post.headers,
            allow_redirects=False,
            **options,
        )


class _Call:
    """One call's open answer."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._response: aiohttp.ClientResponse | None = None
        self._origin: Origin | None = None
        self._began = False

    async def do(self, step: object) -> Any:
        match step:
            case Read():
                return await self._read()
            case Open(post):
                return await self._open(post)
            case Drain():
                return await self._drain()
            case Wait(seconds):
                await asyncio.sleep(seconds)
        return None

    async def _open(self, post: Post) -> Answer:
        self.release()
        self._began = False
        origin = self._origin = Origin.of(post.url.partition("?")[0])
        try:
            async with asyncio.timeout(self._client.timeouts.first):
                self._response = await self._client.open(post)
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error, origin, "first") from error
        headers: dict[str, str] = {}
        for name, value in self._response.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Answer(self._response.status, headers)

    async def _read(self) -> bytes:
        assert self._response is not None and self._origin is not None
        times = self._client.timeouts
        phase, seconds = ("silence", times.silence) if self._began else ("first", times.first)
        try:
            async with asyncio.timeout(seconds):
                data = await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error, self._origin, phase) from error
        self._began = True
        return data

    async def _drain(self) -> bytes:
        assert self._response is not None
        rest = b""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with asyncio.timeout(LINGER):
                while data := await self._response.content.readany():
                    rest += data
        return rest

    def release(self) -> None:
        """Let go of the answer: its connection is kept if it was read to the end."""
        response, self._response = self._response, None
        if response is not None:
            response.close()


def _translated(error: Exception, origin: Origin, phase: str) -> ProviderError:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return faults.translated(error.certificate_error, origin)
        case aiohttp.ConnectionTimeoutError():
            return faults.timed_out(origin, str(origin), "connect")
        case aiohttp.ClientProxyConnectionError():
            return faults.translated(error.os_error, origin, route.proxy(origin))
        case aiohttp.ClientConnectorError():  # DNS, refused and the like, as the system said it
            return faults.translated(error.os_error, origin)
        case aiohttp.ClientHttpProxyError():
            return Unreachable(
                f"The proxy does not lead to {origin}: {error.status} {error.message}.",
                code="proxy",
            )
        case TimeoutError():
            return faults.timed_out(origin, str(origin), phase)
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            return Unreachable(f"{origin} broke off its answer.", code="reset")
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL():
            return BadReply(f"{origin} does not speak HTTP as it should ({type(error).__name__}).")
        case OSError():
            return faults.translated(error, origin)
        case _:
            return Unreachable(f"The connection to {origin} broke.", code="reset")

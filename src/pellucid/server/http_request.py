"""One HTTP request as it comes in: its head, and its body piece by piece."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from ..errors import BadRequest

AHEAD = 1 << 18
"""Bytes of a body that may wait to be read."""


class Headers(dict[str, str]):
    """Header fields by their names in lower case; of one sent twice, the first.

    A dictionary and no more, since a dozen are asked for in every request.
    """

    def __init__(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        self._more: dict[str, list[str]] = {}
        for field, text in fields:
            name = field.decode("latin-1").lower()
            value = text.decode("utf-8", "replace")
            if name in self:
                self._more.setdefault(name, []).append(value)
            else:
                self[name] = value

    def all(self, name: str) -> list[str]:
        """Every value that was sent for a name."""
        return [self[name], *self._more.get(name, ())] if name in self else []


class Link(Protocol):
    """What a request, and the answer to it, need of their connection."""

    remote: str
    full: bool
    """The client does not read as fast as it is sent."""

    def flow(self) -> None:
        """Stop or go on reading, as there is room."""

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None:
        """Waits while the client does not read. Raises `ConnectionError` when it is gone."""

    def head(self, request: HttpRequest, status: int, fields: Mapping[str, str]) -> bytes:
        """The head of an answer; from then on the request counts as answered."""

    def abort(self) -> None: ...


class HttpRequest:
    """`target` is as it was written; `answered` is set as soon as an answer to it begins."""

    def __init__(
        self,
        link: Link,
        method: str,
        target: str,
        headers: Headers,
        *,
        version: str = "1.1",
        keep_alive: bool = True,
    ) -> None:
        self.link = link
        self.method = method
        self.headers = headers
        self.version = version
        self.keep_alive = keep_alive
        self.answered = False
        self.whole = False
        """All of the body has come."""
        self._broken = False
        self.held = 0
        """Bytes of the body that wait to be read."""
        self.raw_path, _, query = target.partition("#")[0].partition("?")
        self.query: Mapping[str, str] = _fields(query) if query else {}
        """The query's fields; of one given twice, the first."""
        self._expects = headers.get("expect", "").lower() == "100-continue"
        self._pieces: deque[bytes] = deque()
        self._wake: Callable[[], None] = lambda: None

    @property
    def remote(self) -> str:
        return self.link.remote

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def content_length(self) -> int:
        """Bytes of the body, as announced; 0 where nothing was."""
        return int(self.headers.get("content-length", "0"))

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.held += len(piece)
        self._wake()

    def feed_end(self) -> None:
        self.whole = True
        self._wake()

    def break_off(self) -> None:
        """What comes is no body; nothing that follows can be read."""
        self._broken, self.keep_alive = True, False
        self._wake()

    def rest(self) -> bytes:
        """All that has come of the body and was not read."""
        if not self._pieces:
            return b""
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.held = 0
        self.link.flow()
        return data

    async def read(self) -> bytes:
        """The next piece of the body; nothing at its end. Raises `BadRequest` for none."""
        while not self._pieces:
            if self._broken:
                raise BadRequest("The body is not as HTTP/1.1 has it.")
            if self.whole:
                return b""
            if self._expects and not self.answered:
                self._expects = False
                self.link.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await self._more()
        piece = self._pieces.popleft()
        self.held -= len(piece)
        self.link.flow()
        return piece

    async def _more(self) -> None:
        came = asyncio.get_running_loop().create_future()
        self._wake = lambda: None if came.done() else came.set_result(None)
        try:
            await came
        finally:
            self._wake = lambda: None


def _fields(query: str) -> Mapping[str, str]:
    return dict(reversed(parse_qsl(query, keep_blank_values=True)))

"""Answers over HTTP: whole ones, and streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ..value import value
from .http_request import HttpRequest


@value
class Response:
    """A whole answer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"


class Stream:
    """An answer that is sent as it comes: in chunks, or, to a client of HTTP/1.0, up to the end of
    the connection. Its head goes out with its first bytes."""

    def __init__(self, request: HttpRequest, media: str, headers: Mapping[str, str]) -> None:
        self.request = request
        self._fields = {"Content-Type": media, **headers}
        self._chunked = request.version == "1.1"
        if self._chunked:
            self._fields["Transfer-Encoding"] = "chunked"

    async def write(self, data: bytes) -> None:
        """Waits while the client does not read. Raises `ConnectionError` when it is gone."""
        self.write_now(data)
        await self.request.link.drained()

    def write_now(self, data: bytes) -> None:
        """Without waiting: for the few bytes that show that the stream goes on."""
        self.request.link.write(self._head() + self._framed(data))

    async def end(self) -> None:
        link = self.request.link
        silent = not self._chunked or self.request.method == "HEAD"
        link.write(self._head() + (b"" if silent else b"0\r\n\r\n"))
        await link.drained()

    def _head(self) -> bytes:
        if self.request.answered:
            return b""
        return self.request.link.head(self.request, 200, self._fields)

    def _framed(self, data: bytes) -> bytes:
        if self.request.method == "HEAD":
            return b""
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data

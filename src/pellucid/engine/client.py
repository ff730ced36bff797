"""Talking to the engine: HTTP/1.1 over a plain loopback socket.

The standard library's client would do, but importing it loads TLS and the mail parser, 40 ms
that every `pellucid ask` would pay to speak to its own machine. What is needed of HTTP here is
one request a connection and a chunked answer.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import field
from typing import Any

from ..errors import EngineFrozen, EngineRefused, EngineStopped
from ..value import value

CONNECT = 5.0
SILENCE = 5.0
"""Seconds without a byte after which the engine is asked whether it is still there."""
PROBE = 8.0
"""Seconds it may take to answer that. A batch is shorter than half a second."""


@value
class Address:
    """Where an engine listens. `key` is empty for a server that wants none."""

    host: str
    port: int
    key: str = field(repr=False)


def call(address: Address, path: str, body: object = None, timeout: float = 60.0) -> Any:
    """One request, one JSON answer. Raises `EngineRefused` and `EngineStopped`."""
    with _Exchange(address, path, body, timeout) as exchange:
        return _parse(exchange.body())


def stream(address: Address, path: str, body: object) -> Iterator[dict[str, Any]]:
    """The JSON values of a stream of server-sent events, as they come.

    Closing the iterator closes the socket, which is how the engine is told to stop. Raises
    `EngineRefused` for an error answer, `EngineStopped` when the engine went away or froze.
    """
    with _Exchange(address, path, body, SILENCE) as exchange:
        pending = b""
        for chunk in exchange.chunks():
            pending += chunk
            while (end := pending.find(b"\n\n")) >= 0:
                event, pending = pending[:end], pending[end + 2 :]
                if event.startswith(b"data: ") and event != b"data: [DONE]":
                    yield _value(event)


def _value(event: bytes) -> dict[str, Any]:
    value: dict[str, Any] = _parse(event[6:])
    if "error" in value:
        raise EngineRefused(f"The engine broke off: {_reason(value)}.")
    return value


def alive(address: Address) -> bool:
    """Whether the engine's main loop answers. It does so between two batches, busy or not."""
    try:
        call(address, "/slots", timeout=PROBE)
    except EngineRefused:
        return True  # it answered
    except EngineStopped:
        return False
    return True


class _Exchange:
    """One request on its own connection."""

    def __init__(self, address: Address, path: str, body: object, timeout: float) -> None:
        self._address = address
        self._buffer = b""
        try:
            self._socket = socket.create_connection((address.host, address.port), CONNECT)
            self._socket.settimeout(timeout)
            self._socket.sendall(_request(address, path, body))
        except OSError as error:
            raise EngineStopped(
                f"The engine at {address.host}:{address.port} cannot be reached: {error}."
            ) from error

    def __enter__(self) -> _Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _more(self) -> None:
        while True:
            try:
                data = self._socket.recv(65536)
            except TimeoutError as error:
                if self._socket.gettimeout() == SILENCE and alive(self._address):
                    continue  # queued behind other requests, or a long batch
                raise EngineFrozen("The engine froze: it no longer answers.") from error
            except OSError as error:
                raise EngineStopped(f"The engine's connection broke: {error}.") from error
            if not data:
                raise EngineStopped("The engine ended in the middle of its answer.")
            self._buffer += data
            return

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _head(self) -> tuple[int, dict[bytes, bytes]]:
        status = int(self._line().split()[1])
        headers = {}
        while line := self._line():
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    def chunks(self) -> Iterator[bytes]:
        """Pieces of the body as they arrive; an error status is raised as `EngineRefused`."""
        status, headers = self._head()
        pieces = self._pieces(headers)
        if status != 200:
            raise EngineRefused(
                f"The engine refused the request ({status}): {_reason(_parse(b''.join(pieces)))}."
            )
        yield from pieces

    def _pieces(self, headers: dict[bytes, bytes]) -> Iterator[bytes]:
        if headers.get(b"transfer-encoding") == b"chunked":
            while size := int(self._line().partition(b";")[0], 16):
                yield self._take(size)
                self._line()
        else:
            yield self._take(int(headers.get(b"content-length", b"0")))

    def body(self) -> bytes:
        return b"".join(self.chunks())


def _request(address: Address, path: str, body: object) -> bytes:
    head = [f"Host: {address.host}:{address.port}", "Connection: close"]
    if address.key:
        head.append(f"Authorization: Bearer {address.key}")
    if body is None:
        return "\r\n".join([f"GET {path} HTTP/1.1", *head, "", ""]).encode()
    data = json.dumps(body, separators=(",", ":")).encode()
    head += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([f"POST {path} HTTP/1.1", *head, "", ""]).encode() + data


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise EngineRefused(f"The engine's answer is not JSON: {data[:80]!r}.") from error


def _reason(value: Any) -> str:
    error = value.get("error", value) if isinstance(value, dict) else value
    return str(error.get("message", error) if isinstance(error, dict) else error).rstrip(".")

"""A host on loopback: answers as it is told, faults included; remembers what it was asked."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pellucid.dialects.base import Failure, Head
from pellucid.dialects.registry import dialect
from pellucid.replies import Event, Finish, TextDelta, Usage, UsageEvent

Act = Callable[[socket.socket], bool]
"""Answers one request; returns whether the connection stays open."""


@dataclass
class Asked:
    """A request as it came in; header names in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Host:
    """Answers the n-th request with the n-th act, the last one again and again."""

    acts: Sequence[Act]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when a client ends its connection."""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def host(*acts: Act, tls: ssl.SSLContext | None = None) -> Iterator[Host]:
    server = Host(acts)
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    open_ones: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            open_ones.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        server.connections += 1
        try:
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
                open_ones.append(connection)
            stays = True
            while stays and (asked := read_request(connection)) is not None:
                server.asked.append(asked)
                act = server.acts[min(len(server.asked), len(server.acts)) - 1]
                stays = act(connection)
        except OSError:
            pass
        finally:
            server.gone.set()
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake `accept`
        listener.close()
        for connection in open_ones:
            connection.close()


def read_request(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    line, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (each.partition(":") for each in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Asked(line, headers, body)


# -- what a host may do


def answer(
    body: bytes = b"", status: int = 200, media: str = "application/json", **headers: str
) -> Act:
    """A whole answer. `retry_after="1"` becomes the header Retry-After."""

    def act(connection: socket.socket) -> bool:
        fields = {"Content-Type": media, "Content-Length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.sendall(head(status, fields) + body)
        return True

    return act


def chunked(
    *pieces: bytes, media: str = "text/event-stream", pause: float = 0, **headers: str
) -> Act:
    """A streamed answer, in these pieces."""

    def act(connection: socket.socket) -> bool:
        fields = {"Content-Type": media, "Transfer-Encoding": "chunked"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.sendall(head(200, fields))
        for piece in pieces:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(pause)
        connection.sendall(b"0\r\n\r\n")
        return True

    return act


def broken(*pieces: bytes, media: str = "text/event-stream") -> Act:
    """A streamed answer whose connection ends after these pieces."""

    def act(connection: socket.socket) -> bool:
        fields = {"Content-Type": media, "Transfer-Encoding": "chunked"}
        connection.sendall(head(200, fields))
        for piece in pieces:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        return False

    return act


def stalled(*pieces: bytes, headers: bool = True, media: str = "text/event-stream") -> Act:
    """Sends this much and then nothing, until the client goes away."""

    def act(connection: socket.socket) -> bool:
        if headers:
            fields = {"Content-Type": media, "Transfer-Encoding": "chunked"}
            connection.sendall(head(200, fields))
        for piece in pieces:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.recv(1)
        return False

    return act


def hang_up(connection: socket.socket) -> bool:
    """Ends the connection without a word."""
    return False


def head(status: int, fields: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


# -- what it says, in a dialect


def stream_of(name: str, text: str = "Hello there, you.") -> tuple[bytes, str]:
    """The bytes of a streamed reply in a dialect, a word an event, and their media type."""
    encoder = dialect(name).Encoder(Head("id-1", "m", 1_700_000_000))
    words = text.split(" ")
    events: list[Event] = [TextDelta(w if i == 0 else f" {w}") for i, w in enumerate(words)]
    events += [UsageEvent(Usage(fresh=7, output=3, known="reported")), Finish("stop")]
    data = encoder.start() + b"".join(map(encoder.encode, events)) + encoder.end()
    return data, "application/x-ndjson" if name.startswith("ollama") else "text/event-stream"


def says(name: str = "openai", text: str = "Hello there, you.") -> Act:
    """A good reply in a dialect."""
    data, media = stream_of(name, text)
    return chunked(data, media=media)


def fails(name: str, status: int, message: str = "No.", **headers: str) -> Act:
    """An error in a dialect's own shape."""
    import json

    from pellucid.dialects.failures import kind_of

    failure = Failure(status, kind_of(status), message)
    body = json.dumps(dialect(name).encode_error(failure)).encode()
    return answer(body, status, **headers)

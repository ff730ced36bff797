"""The sync transport: one call after another over kept connections, on the standard library."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from typing import Any, TypeVar

from ..errors import PellucidError, Unreachable
from ..replies import Event
from ..settings import Settings
from ..value import value
from . import faults, route
from .addresses import Origin
from .steps import LINGER, Answer, Drain, Open, Post, Read, Step, Steps, Wait

T = TypeVar("T")

IDLE = 45.0
"""Seconds a connection is kept; hosts close theirs after about a minute."""
PIECE = 65536


@value
class Timeouts:
    """Seconds: to connect, to the first byte of an answer, and of silence between its pieces."""

    connect: float = 10.0
    first: float = 300.0
    silence: float = 180.0

    @property
    def whole(self) -> float:
        """To the first byte of an answer that comes all at once: it is written before."""
        return self.first + self.silence

    @classmethod
    def of(cls, settings: Settings) -> Timeouts:
        return cls(settings.timeout_connect, settings.timeout_first, settings.timeout_silence)


@dataclass(slots=True)
class _Connection:
    """A connection to a host. `used`: it has carried a call before; `since`: it is idle since."""

    socket: socket.socket
    used: bool = False
    since: float = 0.0

    def alive(self) -> bool:
        """Whether it can be used again: not idle for long, and the other end is quiet."""
        if time.monotonic() - self.since > IDLE:
            return False
        return not select.select([self.socket], [], [], 0)[0]

    def abort(self) -> None:
        """End it at once; a thread that waits for it wakes up."""
        with contextlib.suppress(OSError):
            # Not the TLS socket's own method, which is not for two threads.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket.close()


class Client:
    """Keeps connections to hosts. May be used by several threads."""

    def __init__(self, timeouts: Timeouts | None = None, *, offline: bool = False) -> None:
        self.timeouts = timeouts or Timeouts()
        self.offline = offline
        self._idle: defaultdict[Origin, list[_Connection]] = defaultdict(list)
        self._lock = threading.Lock()

    def stream(self, steps: Steps) -> Stream:
        """The events of a call. Closing the stream ends it, from any thread."""
        return Stream(self, steps)

    def run(self, steps: Generator[Step, Any, T]) -> T:
        """Carry out steps that tell no events; what they return."""
        results: list[T] = []

        def kept() -> Steps:
            results.append((yield from steps))

        for _ in self.stream(kept()):
            pass
        return results[0]

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept = [connection for all in self._idle.values() for connection in all]
            self._idle.clear()
        for connection in kept:
            connection.close()

    def take(self, origin: Origin, opening: Callable[[_Connection], None]) -> _Connection:
        """A connection to a host: a kept one, or a new one, which `opening` is shown before it is
        made, so that it can be aborted. Raises `Unreachable`."""
        route.require_allowed(origin, self.offline)
        while True:
            with self._lock:
                kept = self._idle[origin].pop() if self._idle[origin] else None
            if kept is None:
                return self._connect(origin, opening)
            if kept.alive():
                return kept
            kept.close()

    def keep(self, origin: Origin, connection: _Connection) -> None:
        connection.used, connection.since = True, time.monotonic()
        with self._lock:
            self._idle[origin].append(connection)

    def _connect(self, origin: Origin, opening: Callable[[_Connection], None]) -> _Connection:
        proxy = route.proxy(origin)
        place = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
        with faults.named(origin, proxy):
            sock = _dial(place, self.timeouts.connect, opening)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if origin.scheme == "https":
                    if proxy:
                        _tunnel(sock, origin, proxy)
                    tls = route.certificates().wrap_socket(
                        sock, server_hostname=origin.host, do_handshake_on_connect=False
                    )
                    sock = tls
                    opening(_Connection(sock))
                    tls.do_handshake()
            except BaseException:
                sock.close()
                raise
        return _Connection(sock)


def _dial(
    place: tuple[str, int], timeout: float, opening: Callable[[_Connection], None]
) -> socket.socket:
    """As `socket.create_connection`, but the socket is known while it connects."""
    failure = OSError("no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(*place, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        opening(_Connection(sock))
        try:
            sock.settimeout(timeout)
            sock.connect(address)
            return sock
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise failure


def _tunnel(sock: socket.socket, origin: Origin, proxy: route.Proxy) -> None:
    """Ask a proxy to pass on what follows."""
    sock.sendall(tunnel_head(origin, proxy))
    answer = b""
    while not tunnel_opened(answer, origin, proxy):
        data = sock.recv(1)  # nothing of what comes after the head may be taken
        if not data:
            raise Unreachable(f"The proxy {proxy.host}:{proxy.port} broke off.", code="reset")
        answer += data


def tunnel_head(origin: Origin, proxy: route.Proxy) -> bytes:
    """What a proxy is sent, so that it passes on what follows."""
    place = origin.netloc if ":" in origin.netloc.rpartition("]")[2] else f"{origin.netloc}:443"
    head = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.authorization:
        head.append(f"Proxy-Authorization: {proxy.authorization}")
    return "\r\n".join([*head, "", ""]).encode()


def tunnel_opened(answer: bytes, origin: Origin, proxy: route.Proxy) -> bool:
    """Whether the proxy's answer is whole, and yes. Raises `Unreachable` for no."""
    if b"\r\n\r\n" not in answer:
        if len(answer) > PIECE:
            raise Unreachable(f"The proxy {proxy.host}:{proxy.port} broke off.", code="reset")
        return False
    if answer.split(b" ", 2)[1:2] == [b"200"]:
        return True
    said = answer.split(b"\r\n", 1)[0].decode("latin-1")
    raise Unreachable(
        f"The proxy {proxy.host}:{proxy.port} does not lead to {origin}: {said}.", code="proxy"
    )


def request_bytes(post: Post, origin: Origin) -> bytes:
    """A request as it goes to a host, or, without TLS, to the proxy before it."""
    path, netloc = _place(post.url)
    headers = {"Host": netloc, **post.headers}
    if origin.scheme == "http" and (proxy := route.proxy(origin)):
        path = post.url
        if proxy.authorization:
            headers["Proxy-Authorization"] = proxy.authorization
    if post.body:
        headers["Content-Length"] = str(len(post.body))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"{post.method} {path} HTTP/1.1", *lines, "", ""])
    return head.encode("ascii") + post.body


@lru_cache(maxsize=1024)
def _place(url: str) -> tuple[str, str]:
    """The path of an address, and its host and port as a Host header has them."""
    origin = Origin.of(url.partition("?")[0])
    return url.removeprefix(str(origin)) or "/", origin.netloc


class Stream(Generator[Event, None, None]):
    """The events of one call, and its end: `close` closes the socket at once, from any thread."""

    def __init__(self, client: Client, steps: Steps) -> None:
        self._client = client
        self._closed = threading.Event()
        self._connection: _Connection | None = None
        self._origin: Origin | None = None
        self._response: HTTPResponse | None = None
        self._began = False
        self._events = self._drive(steps)

    def send(self, _: None = None) -> Event:
        return next(self._events)

    def throw(self, *error: Any) -> Event:
        return self._events.throw(*error)

    def close(self) -> None:
        self._closed.set()
        if connection := self._connection:
            connection.abort()
        with contextlib.suppress(ValueError):  # another thread is in it, and wakes up now
            self._events.close()

    def _drive(self, steps: Steps) -> Generator[Event, None, None]:
        step = next(steps)
        try:
            while not self._closed.is_set():
                if isinstance(step, list):
                    yield from step
                try:
                    result = self._do(step)
                except PellucidError as error:
                    if self._closed.is_set():
                        return
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            pass
        finally:
            steps.close()
            self._release()

    def _do(self, step: object) -> Any:
        match step:
            case Read():
                return self._read()
            case Open(post):
                return self._open(post)
            case Drain():
                return self._drain()
            case Wait(seconds):
                self._closed.wait(seconds)
        return None

    def _open(self, post: Post) -> Answer:
        self._release()
        self._began = False
        origin = self._origin = Origin.of(post.url.partition("?")[0])
        while True:
            connection = self._connection = self._client.take(origin, self._opening)
            if self._closed.is_set():
                raise Unreachable("The call was cancelled.")
            try:
                with faults.named(origin, timeout="first"):
                    self._response = self._ask(connection, origin, post)
                break
            except Unreachable:
                connection.close()
                if not connection.used or self._closed.is_set():
                    raise
        headers: dict[str, str] = {}
        for name, line in self._response.getheaders():
            name = name.lower()
            headers[name] = f"{headers[name]}, {line}" if name in headers else line
        return Answer(self._response.status, headers)

    def _opening(self, connection: _Connection) -> None:
        self._connection = connection
        if self._closed.is_set():
            raise Unreachable("The call was cancelled.")

    def _ask(self, connection: _Connection, origin: Origin, post: Post) -> HTTPResponse:
        connection.socket.settimeout(self._client.timeouts.first)
        connection.socket.sendall(request_bytes(post, origin))
        response = HTTPResponse(connection.socket, method=post.method)
        response.begin()
        return response

    def _read(self) -> bytes:
        assert self._response is not None and self._connection is not None
        try:
            data = self._response.read1(PIECE)
        except (OSError, HTTPException) as error:
            assert self._origin is not None
            phase = "silence" if self._began else "first"
            raise faults.translated(error, self._origin, timeout=phase) from error
        if not self._began:
            self._began = True
            self._connection.socket.settimeout(self._client.timeouts.silence)
        if not data:
            self._release()  # before the caller, who has its last event, closes the stream
        return data

    def _drain(self) -> bytes:
        rest, end = b"", time.monotonic() + LINGER
        assert self._response is not None and self._connection is not None
        self._connection.socket.settimeout(LINGER)
        with contextlib.suppress(OSError, HTTPException):
            while time.monotonic() < end and (data := self._response.read1(PIECE)):
                rest += data
        self._release()
        return rest

    def _release(self) -> None:
        """Keep the connection if its answer was read to the end, else close it."""
        connection, response, self._response = self._connection, self._response, None
        self._connection = None
        if connection is None or self._origin is None:
            return
        whole = response is not None and response.isclosed() and not response.will_close
        if whole and not self._closed.is_set():
            self._client.keep(self._origin, connection)
            return
        if response is not None:
            response.close()
        connection.close()

"""A web server on loopback for tests: pages by path, and misbehaviour on demand."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[[BaseHTTPRequestHandler], None]
Page = str | bytes | Handler | tuple[int, dict[str, str], bytes]


class Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100  # with the usual 5, the sixth of ten connections at once waits 1 s

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is a flaw of the test."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Server:
    """`pages` maps a path (with its query) to a page: HTML, bytes, an answer, or a function.

    `asked` lists each request: host header, path, headers.
    """

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self.pages = dict(pages)
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append((self.headers["Host"], self.path, dict(self.headers)))
                page = outer.pages.get(self.path)
                if callable(page):
                    page(self)
                elif page is None:
                    answer(self, 404, {}, b"nothing here")
                elif isinstance(page, tuple):
                    answer(self, *page)
                else:
                    body = page.encode() if isinstance(page, str) else page
                    answer(self, 200, {"Content-Type": "text/html; charset=utf-8"}, body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = Threads(("127.0.0.1", 0), Answer)
        self.port = self._server.server_port
        self.host = f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, robots.txt left out."""
        return [path for _, path, _ in self.asked if path != "/robots.txt"]


def answer(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value.encode().decode("latin-1"))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(pages: Mapping[str, Page]) -> Iterator[Server]:
    server = Server(pages)
    thread = threading.Thread(target=server._server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server._server.shutdown()
        server._server.server_close()

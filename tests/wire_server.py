"""A small server on loopback that reads requests and writes replies with a dialect: what the
official clients of an API are pointed at."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, str, Iterable[bytes]]
"""Status, media type, pieces of the body."""


def as_json(value: Any, status: int = 200) -> Answer:
    return status, "application/json", [json.dumps(value).encode()]


@contextmanager
def serving(handle: Callable[[str, dict[str, Any]], Answer]) -> Iterator[str]:
    """The address of a server that answers `handle(path, body)` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            status, media, pieces = handle(self.path, json.loads(self.rfile.read(length)))
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Connection", "close")
            self.end_headers()
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""The page over HTTP: one check before every route, and nothing of any other host."""

from __future__ import annotations

import socket
import threading
import webbrowser

import uvicorn
from starlette.types import ASGIApp

from ..errors import UsageError
from ..server.admission import require_token
from .desk import Desk
from .door import Door
from .opening import Opening

PORT = 7860
TRIES = 20
"""Ports that are tried one after the other where none was asked for."""


def listener(host: str, port: int | None) -> socket.socket:
    """A socket to accept at: the next free port where none is named. Raises `UsageError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = range(PORT, PORT + TRIES) if port is None else (port,)
    for each in ports:
        try:
            return socket.create_server((host, each), family=family, backlog=512)
        except (OSError, OverflowError) as error:
            if each == ports[-1]:
                why = getattr(error, "strerror", None) or error
                raise UsageError(
                    f"{host}:{each} cannot be listened at: {why}. `--port` names another port."
                ) from error
    raise AssertionError


def run(
    desk: Desk,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    browser: bool = False,
) -> None:
    """Answer until told to stop; the address is printed, and opened in a browser if asked.

    Raises `UsageError` for an address that needs a token, or cannot be had.
    """
    require_token(host, token)
    accept = listener(host, port)
    number = accept.getsockname()[1]
    address = f"http://{f'[{host}]' if ':' in host else host}:{number}"
    print(address, flush=True)

    def make() -> ASGIApp:
        from .application import application  # Gradio: the server answers before it is there

        return application(desk)

    config = uvicorn.Config(
        Door(Opening(make), token),
        log_level="warning",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    if browser:
        threading.Timer(0.5, webbrowser.open, [f"http://127.0.0.1:{number}"]).start()
    try:
        uvicorn.Server(config).run(sockets=[accept])
    finally:
        desk.close()

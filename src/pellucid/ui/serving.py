"""The page over HTTP: one check before every route, and nothing of any other host."""

from __future__ import annotations

import os
import socket
import threading
import webbrowser

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp

from ..errors import UsageError
from ..server.admission import require_token
from ..views import glass
from . import app as page
from . import papers
from .desk import Desk
from .door import Door
from .session import Session
from .streams import Streams

PORT = 7860
TRIES = 20
"""Ports that are tried one after the other where none was asked for."""

KINDS = {
    "json": (papers.as_json, "application/json"),
    "md": (papers.as_markdown, "text/markdown; charset=utf-8"),
}
"""How a conversation is written down."""


def application(desk: Desk, token: str | None = None) -> ASGIApp:
    """The page as an ASGI application."""
    none = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    outer = FastAPI(**none)  # type: ignore[arg-type]
    script = page.asset("page.js") + glass.script()

    @outer.get("/pellucid/page.js")
    def _script() -> Response:
        return Response(script, media_type="text/javascript")

    @outer.get("/pellucid/conversations/{id}.{kind}")
    def _conversation(id: str, kind: str, at: str = "") -> Response:
        session = Session(desk, id)
        if kind not in KINDS or not session.receipts:
            return Response("There is no such conversation.", 404, media_type="text/plain")
        if at in session.receipts:
            session.fork(at)
        write, media_type = KINDS[kind]
        return Response(write(session.messages), media_type=media_type)

    gr.mount_gradio_app(
        outer,
        page.build(desk),
        path="/",
        app_kwargs=dict(none),
        theme=page.theme(),
        css=glass.style() + page.asset("page.css") + page.asset("tabs.css"),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size="20mb",
    )
    return Door(Streams(outer), token)


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
    config = uvicorn.Config(
        application(desk, token),
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

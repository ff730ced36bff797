"""The page as an ASGI application: what Gradio makes of it, and the few routes of our own."""

from __future__ import annotations

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp

from ..views import glass
from . import app as page
from . import papers
from .desk import Desk
from .session import Session
from .streams import Streams

KINDS = {
    "json": (papers.as_json, "application/json"),
    "md": (papers.as_markdown, "text/markdown; charset=utf-8"),
}
"""How a conversation is written down."""


def application(desk: Desk) -> ASGIApp:
    """The page, without the door in front of it."""
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
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
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=page.theme(),
        css=glass.style() + page.asset("page.css") + page.asset("tabs.css"),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size="20mb",
    )
    return Streams(outer)

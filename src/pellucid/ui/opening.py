"""The page until it is there: a browser sees at once what it waits for.

Gradio takes seconds to be imported, and the page some more to be made of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SOON = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="1">
<title>Pellucid</title>
<style>
:root { color-scheme: light dark; font: 14px system-ui, sans-serif }
main { max-width: 34rem; margin: 20vh auto; padding: 0 16px; line-height: 1.5 }
</style>
<main role="status">
<h1>Pellucid</h1>
<p>The page is being made; that takes some seconds. It opens by itself.</p>
</main>
</html>
"""


class Opening:
    """Makes an application in a thread once the server runs; says so until it is made."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._why = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif self._made is not None:
            await self._made(scope, receive, send)
        elif self._why:
            await PlainTextResponse(self._why, 500)(scope, receive, send)
        elif scope["path"] == "/":
            await HTMLResponse(SOON)(scope, receive, send)
        else:
            soon = PlainTextResponse("not yet", 503, {"Retry-After": "1"})
            await soon(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The server has started at once; the application starts when it is made."""
        started = await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            made = await asyncio.to_thread(self._make)
        except Exception as error:
            self._why = f"The page could not be made: {error}"
            raise
        first = iter([started])

        async def told() -> Message:
            return next(first, None) or await receive()

        async def said(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._made = made
            else:
                await send(message)

        await made(scope, told, said)

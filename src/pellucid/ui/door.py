"""Who may see the page, and what the page may load: one check before every route.

The rules are the server's own (`server.admission`). With a token, a browser shows it once in the
address (`?key=SECRET`) and is given a cookie for it; since a browser sends cookies by itself, the
pages of other sites are refused then too.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..dialects.base import Failure
from ..server.admission import credentials, foreign, refusal

COOKIE = "pellucid-token"
# Gradio makes functions of the templates of its own HTML component, so evaluation must be allowed;
# scripts and handlers written into the page's HTML stay forbidden.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-src 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOREIGN = re.compile(rb'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>')
"""What Gradio's page tells other hosts' crawlers of itself, with addresses of its own."""


class Door:
    """The outermost layer of the page: lets in, and tells the browser to load nothing else."""

    def __init__(self, inner: ASGIApp, token: str | None = None) -> None:
        self._inner = inner
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        failure, cookie = self._judge(scope)
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
        elif failure is not None:
            await _refuse(failure, send)
        elif cookie:
            await _welcome(cookie, send)
        else:
            await _Reply(self._inner, scope, receive, send).run()

    def _judge(self, scope: Scope) -> tuple[Failure | None, str]:
        """Why the visitor may not come in; the cookie to set where the address had the token."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        shown = tuple(credentials(headers, query))
        kept = _cookie(headers)
        failure = refusal(hosts, headers, (*shown, *kept), self._token)
        if failure is None and self._token is not None and not shown:
            failure = foreign(hosts[0] if hosts else "", headers)
        at_door = query.get("key") and scope.get("method") == "GET" and scope["path"] == "/"
        known = (
            self._token is not None
            and at_door
            and hmac.compare_digest(query["key"].encode(), self._token.encode())
        )
        return failure, f"{COOKIE}={self._token}" if known and failure is None else ""


def _cookie(headers: Headers) -> tuple[str, ...]:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ()
    return (found.value,) if found else ()


class _Reply:
    """An answer on its way out: its headers are set, the page itself is rewritten."""

    def __init__(self, inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._nonce = secrets.token_urlsafe(16)
        self._page = scope["path"] == "/"
        if self._page:  # it is rewritten, so it must come as it is
            headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            scope = {**scope, "headers": headers}
        self._inner, self._scope, self._receive, self._send = inner, scope, receive, send
        self._start: Message | None = None
        self._body = b""

    async def run(self) -> None:
        await self._inner(self._scope, self._receive, self._pass)

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = POLICY.format(nonce=self._nonce)
            for name, content in HEADERS.items():
                headers[name] = content
            if self._page:
                self._start = message
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = rewritten(self._body, self._nonce)
            headers = MutableHeaders(scope=self._start)
            headers["Content-Length"] = str(len(body))
            headers["Cache-Control"] = "no-store"
            await self._send(self._start)
            message = {**message, "body": body}
        await self._send(message)


def rewritten(page: bytes, nonce: str) -> bytes:
    """Gradio's page without a word of other hosts, its own scripts marked with `nonce`."""
    page = FOREIGN.sub(b"", page)
    page = page.replace(b"<script", b'<script nonce="' + nonce.encode() + b'"')
    ours = b'<script src="/pellucid/page.js" defer></script>'
    return page.replace(b"</head>", ours + b"</head>", 1)


async def _refuse(failure: Failure, send: Send) -> None:
    body = json.dumps({"error": failure.message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if failure.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": failure.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _welcome(cookie: str, send: Send) -> None:
    """Keeps the token out of the address bar and the history."""
    headers = [
        (b"location", b"/"),
        (b"set-cookie", f"{cookie}; Path=/; HttpOnly; SameSite=Strict".encode()),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})

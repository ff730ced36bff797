"""Who is let in to the page: every route, before any handler, and what the page may load."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")

from pellucid.errors import UsageError
from pellucid.settings import load
from pellucid.ui import streams
from pellucid.ui.desk import Desk
from pellucid.ui.door import COOKIE, Door, rewritten
from pellucid.ui.streams import ARRIVES, Streams

HOST = "127.0.0.1:7860"
FOREIGN: tuple[dict[str, str], ...] = (
    {"host": "evil.example"},
    {"host": "127.0.0.1.evil.example:7860"},
    {"host": "evil.example:7860", "origin": "http://evil.example:7860"},
    {"host": ""},
    {"host": "127.0.0.1:x"},
    {"host": "user@127.0.0.1"},
    {"host": "192.168.0.1:7860"},
    {"host": HOST, "origin": "http://evil.example"},
    {"host": HOST, "origin": "null"},
    {"host": HOST, "origin": "https://127.0.0.1:7860"},
    {"host": HOST, "origin": "http://127.0.0.1:7861"},
    {"host": HOST, "origin": "http://localhost:7860"},
    {"host": HOST, "sec-fetch-site": "cross-site"},
    {"host": HOST, "sec-fetch-site": "same-site"},
)
OWN: tuple[dict[str, str], ...] = (
    {"host": HOST},
    {"host": "localhost:7860", "origin": "http://localhost:7860"},
    {"host": "[::1]:7860", "sec-fetch-site": "same-origin"},
    {"host": HOST, "sec-fetch-site": "none"},
)


class Answer:
    def __init__(self, messages: list[Any]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {k.decode(): v.decode() for k, v in messages[0]["headers"]}
        self.body = b"".join(m.get("body", b"") for m in messages[1:])


def ask(
    app: Any, path: str, headers: Mapping[str, str], method: str = "GET", query: str = ""
) -> Answer:
    """One request, without a socket."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "server": ("127.0.0.1", 7860),
        "client": ("127.0.0.1", 5),
    }
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    return Answer(messages)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The real application."""
    from pellucid.ui.application import application

    desk = Desk(load(), store=tmp_path_factory.mktemp("page") / "receipts.db")
    yield Door(application(desk))
    desk.close()


def routes(app: Any) -> list[tuple[str, str]]:
    """Every path of the application and of those mounted in it, with a method it takes."""
    found = []
    for route in app.routes:
        inner = getattr(route, "app", None) or getattr(route, "original_router", None)
        if hasattr(inner, "routes"):
            found += routes(inner)
        elif hasattr(route, "path"):
            path = re.sub(r"{[^}]*}", "x", route.path)
            found += [(path, m) for m in sorted(getattr(route, "methods", None) or ("GET",))]
    return sorted(set(found))


def test_no_route_answers_a_foreign_request(page: Any) -> None:
    every = routes(page._inner._inner)
    assert len(every) > 40
    assert {"/", "/config", "/gradio_api/queue/join", "/gradio_api/upload"} <= {p for p, _ in every}
    reached: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])

    door = Door(inner)
    for path, method in [*every, ("/no/such/page", "GET"), ("/", "OPTIONS")]:
        for headers in FOREIGN:
            answer = ask(door, path, headers, method)
            assert answer.status == 403, (path, method, headers)
    assert reached == []


def test_own_requests_are_answered(page: Any) -> None:
    for headers in OWN:
        assert ask(page, "/", headers).status == 200
        assert (
            ask(page, "/pellucid/page.js", headers)
            .headers["content-type"]
            .startswith("text/javascript")
        )
    assert ask(page, "/docs", OWN[0]).status == 404  # a page of scripts of other hosts


def test_the_page_names_no_other_host(page: Any) -> None:
    answer = ask(page, "/", {**OWN[0], "accept-encoding": "gzip, br"})
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    scripts = re.findall(rb"<script[^>]*>", answer.body)
    assert len(scripts) > 3
    for script in scripts:
        assert nonce[1].encode() in script or b'src="/pellucid/page.js"' in script
    loaded = re.findall(
        rb"""<(?:script|link|img)[^>]*(?:src|href)=["'](https?:[^"']*)""", answer.body
    )
    assert loaded == []
    assert b"og:image" not in answer.body
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "frame-ancestors 'none'" in policy
    assert ask(page, "/", OWN[0]).headers["content-security-policy"] != policy  # a nonce each


def test_a_token_is_shown_once_and_then_kept_by_the_browser() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    door = Door(inner, "secret")
    away = {"host": "box.example:7860"}
    assert ask(door, "/", away).status == 401
    assert ask(door, "/", away, query="key=wrong").status == 401
    welcome = ask(door, "/", away, query="key=secret")
    assert (welcome.status, welcome.headers["location"]) == (303, "/")
    cookie = welcome.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    kept = {**away, "cookie": f"{COOKIE}=secret"}
    assert ask(door, "/config", kept).status == 200
    assert ask(door, "/config", {**away, "cookie": f"{COOKIE}=other"}).status == 401
    # A browser sends its cookies with the requests of other sites' pages too.
    assert ask(door, "/config", {**kept, "origin": "http://evil.example"}).status == 403
    assert ask(door, "/config", {**kept, "sec-fetch-site": "cross-site"}).status == 403
    assert ask(door, "/config", {**away, "authorization": "Bearer secret"}).status == 200


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    from pellucid.ui import serving

    desk = Desk(load(), store=tmp_path / "receipts.db")
    with pytest.raises(UsageError, match="a token is needed"):
        serving.run(desk, host="0.0.0.0")
    desk.close()


def test_a_taken_port_means_the_next() -> None:
    from pellucid.ui import serving

    with serving.listener("127.0.0.1", None) as one, serving.listener("127.0.0.1", None) as other:
        assert one.getsockname()[1] < other.getsockname()[1] < serving.PORT + serving.TRIES
        with pytest.raises(UsageError, match="--port"):
            serving.listener("127.0.0.1", one.getsockname()[1])


def test_only_scripts_get_the_nonce() -> None:
    page = b'<head><meta property="og:image" content="https://x/y.png"/></head><script>1</script>'
    assert rewritten(page, "n") == (
        b'<head><script src="/pellucid/page.js" defer></script></head><script nonce="n">1</script>'
    )


def test_an_answer_waits_until_the_end_of_the_last_stream_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a clock that goes on when somebody sleeps, and a little with every event."""
    now = [100.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(streams, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(streams, "asyncio", SimpleNamespace(sleep=sleep))
    ends = b'data: {"msg":"close_stream"}\n\n'

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": ends})

    async def asked(waits: Streams, path: str, body: bytes = b"") -> float:
        now[0] += ARRIVES / 100
        came: list[float] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            came.append(now[0])

        scope = {"type": "http", "path": path, "query_string": b"session_hash=a"}
        began = now[0]
        await waits(scope, receive, send)
        return came[0] - began

    async def delays() -> list[float]:
        waits = Streams(inner)
        mine, other = b'{"session_hash": "a"}', b'{"session_hash": "b"}'
        first = await asked(waits, "/gradio_api/queue/join", mine)
        await asked(waits, "/gradio_api/queue/data")
        another = await asked(waits, "/gradio_api/queue/join", other)
        at_once = await asked(waits, "/gradio_api/queue/join", mine)
        later = await asked(waits, "/gradio_api/queue/join", mine)
        return [first, another, at_once, later]

    first, another, at_once, later = asyncio.run(delays())
    assert first == another == later == 0
    assert at_once == pytest.approx(0.98 * ARRIVES)


def test_a_page_that_is_being_made_says_so_and_then_is_there() -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from pellucid.ui import serving
    from pellucid.ui.opening import Opening

    ready, lived = threading.Event(), []

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        lived.append("begins")
        yield
        lived.append("ends")

    def make() -> Starlette:
        assert ready.wait(10)
        return Starlette(routes=[Route("/", lambda _: PlainTextResponse("there"))], lifespan=life)

    accept = serving.listener("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(Door(Opening(make)), log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [accept]})
    thread.start()

    def get(path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", accept.getsockname()[1], timeout=10)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    try:
        status, text = get("/")
        assert status == 200 and "being made" in text and 'http-equiv="refresh"' in text
        assert get("/config")[0] == 503
        ready.set()
        end = time.monotonic() + 10
        while get("/")[1] != "there":
            assert time.monotonic() < end
        assert lived == ["begins"]
    finally:
        ready.set()
        server.should_exit = True
        thread.join(10)
    assert lived == ["begins", "ends"]

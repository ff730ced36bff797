"""A server of ours on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pellucid.models.base import Model
from pellucid.models.scripted import Scripted
from pellucid.record.store import Store
from pellucid.replies import Event, Finish, TextDelta, Usage, UsageEvent
from pellucid.server.limits import Limits
from pellucid.server.models import Models
from pellucid.server.serving import Server
from pellucid.settings import Settings, load


class Served:
    """A server that is running: its port, and itself to look into."""

    def __init__(self, server: Server, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.port = port
        self.loop = loop

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        link.request(method, path, data, dict(headers or {}))
        return Answer(link.getresponse())

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("POST", path, body, headers)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", path, None, headers)


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def served(
    given: Mapping[str, Model] | None = None,
    *,
    default: str | None = None,
    settings: Settings | None = None,
    token: str | None = None,
    store: Path | None = None,
    limits: Limits | None = None,
    embedder: Any = None,
) -> Iterator[Served]:
    settings = settings or load()
    loop = asyncio.new_event_loop()
    ready: list[Served] = []
    started, stop = threading.Event(), asyncio.Event()

    async def main() -> None:
        server = Server(
            settings,
            models=Models(settings, default, given, embedder),
            token=token,
            store=Store(store) if store else None,
            limits=limits,
        )
        async with server:
            ready.append(Served(server, await server.listen("127.0.0.1", 0), loop))
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert started.wait(10)
    try:
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()
        loop.close()


class Stub(Scripted):
    """A model whose events are made by a function of the newest message."""

    def __init__(self, name: str, words: Any) -> None:
        super().__init__([], name=name)
        self._words = words
        self.running = 0

    def stream(self, request: Any, prompt: Any) -> Iterator[Event]:
        self.running += 1
        count = 0
        try:
            for event in self._words(request):
                if isinstance(event, str):
                    count += 1
                    yield TextDelta(event)
                else:
                    yield event
        finally:
            self.running -= 1
        yield UsageEvent(Usage(fresh=1, output=count, known="estimated"))
        yield Finish("stop")


def echo(times: int = 1) -> Stub:
    """Says the newest message, again and again."""

    def words(request: Any) -> Sequence[str]:
        return [request.messages[-1].text] * times

    return Stub("echo", words)

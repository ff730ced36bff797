"""What the official clients are pointed at: a server that speaks a dialect and answers as told."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from pellucid.dialects.base import Dialect, Failure, Head, Incoming
from pellucid.engine.process import Engine
from pellucid.errors import BadRequest
from pellucid.messages import Request
from pellucid.replies import Event, collect
from wire_server import Answer, as_json


class DialectServer:
    """Answers every request at `path` with `events`, or `failure`, and keeps what it read."""

    def __init__(self, dialect: Dialect, path: str) -> None:
        self.events: Sequence[Event] = ()
        self.failure: Failure | None = None
        self.read: Incoming | None = None
        self._dialect = dialect
        self._path = path

    @property
    def request(self) -> Request:
        assert self.read is not None
        return self.read.request

    def handle(self, path: str, body: dict[str, Any]) -> Answer:
        assert path == self._path
        try:
            self.read = self._dialect.decode_request(body, path)
        except BadRequest as error:
            failure = Failure(400, "rejected", str(error), field=error.field)
            return as_json(self._dialect.encode_error(failure), 400)
        if self.failure is not None and not self.events:
            return as_json(self._dialect.encode_error(self.failure), self.failure.status)
        head = Head("reply_1", self.read.model, 1_760_000_000, self.read.include_usage)
        if not self.read.stream:
            return as_json(self._dialect.encode_reply(collect(self.events), head))
        return 200, "text/event-stream", self._stream(head)

    def _stream(self, head: Head) -> Iterator[bytes]:
        encoder = self._dialect.Encoder(head)
        yield encoder.start()
        for event in self.events:
            yield encoder.encode(event)
        yield encoder.end() if self.failure is None else encoder.fail(self.failure)


def check_errors(server: DialectServer, sdk: Any, ask: Callable[[], object]) -> None:
    """Each failure is the exception that the client has for it, and says why."""
    for failure, error in (
        (Failure(401, "key", "Say why."), sdk.AuthenticationError),
        (Failure(404, "not_found", "Say why."), sdk.NotFoundError),
        (Failure(413, "too_large", "Say why."), sdk.APIStatusError),
        (Failure(429, "rate_limit", "Say why."), sdk.RateLimitError),
        (Failure(503, "overloaded", "Say why."), sdk.InternalServerError),
    ):
        server.failure = failure
        with pytest.raises(error, match="Say why"):
            ask()


def post(engine: Engine, path: str, body: dict[str, Any]) -> http.client.HTTPResponse:
    link = http.client.HTTPConnection(engine.address.host, engine.address.port, timeout=60)
    headers = {"Authorization": f"Bearer {engine.address.key}", "Content-Type": "application/json"}
    link.request("POST", f"/v1/{path}", json.dumps(body), headers)
    return link.getresponse()


def ask(dialect: Dialect, engine: Engine, request: Request, *, stream: bool) -> list[Event]:
    """What the engine's own endpoint of the dialect answers."""
    out = dialect.encode_request(request, "m", stream=stream)
    answer = post(engine, out.path, out.body)
    if answer.status != 200:
        raise AssertionError(dialect.decode_error(answer.status, answer.read()))
    if not stream:
        return dialect.decode_reply(json.loads(answer.read()))
    decoder, events = dialect.Decoder(), []
    while data := answer.read1():
        events += decoder.feed(data)
    return events + decoder.close()

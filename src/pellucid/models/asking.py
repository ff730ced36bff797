"""One question to a host whose answer is one JSON object: a count, vectors."""

from __future__ import annotations

from typing import Any

from ..dialects.base import Dialect, Outgoing
from ..dialects.registry import dialect
from ..replies import Event, Finish
from ..settings import Settings
from .exchange import Talk
from .http import Client, Timeouts
from .keys import Endpoint


def ask(endpoint: Endpoint, model: str, outgoing: Outgoing, settings: Settings) -> dict[str, Any]:
    """The object that the host answers, with the retries and errors of any other call.

    Raises `MissingKey` before anything is sent, `ProviderError`.
    """
    endpoint.require_key()
    answering = _Answering(dialect(endpoint.host.dialect))
    speaks: Any = answering
    client = Client(Timeouts.of(settings), offline=settings.offline)
    try:
        for _ in client.stream(Talk(endpoint, speaks, model, outgoing).run()):
            pass
    finally:
        client.close()
    return answering.body


class _Answering:
    """A dialect whose replies are kept as they are; its errors and paths stay its own."""

    def __init__(self, of: Dialect) -> None:
        self.body: dict[str, Any] = {}
        self._of = of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def decode_reply(self, body: dict[str, Any]) -> list[Event]:
        self.body = body
        return [Finish("stop")]

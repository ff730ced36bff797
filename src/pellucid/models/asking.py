"""One question to a host whose answer is one JSON object (a count, vectors) or a sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dialects.base import Dialect, Outgoing
from ..dialects.registry import dialect
from ..errors import BadReply
from ..replies import Event, Finish
from ..settings import Settings
from .exchange import Talk
from .http import Client, Timeouts
from .keys import Endpoint

Watch = Callable[[Event], None]
"""Is told of a call's events: what is sent, and notices. They come from the caller's thread."""


def unwatched(event: Event) -> None:
    pass


def ask(
    endpoint: Endpoint,
    model: str,
    outgoing: Outgoing,
    settings: Settings,
    watch: Watch = unwatched,
) -> dict[str, Any]:
    """The object that the host answers, with the retries and errors of any other call.

    Raises `MissingKey` before anything is sent, `ProviderError`.
    """
    return _asked(endpoint, model, outgoing, settings, watch).body


def ask_sound(
    endpoint: Endpoint,
    model: str,
    outgoing: Outgoing,
    settings: Settings,
    watch: Watch = unwatched,
) -> bytes:
    """The bytes that the host answers. Raises as `ask` does, and `BadReply` for none."""
    answering = _asked(endpoint, model, outgoing, settings, watch)
    if not answering.sound:
        raise BadReply(f"{endpoint.host.name} answered with JSON, not with a sound.")
    return bytes(answering.sound)


def _asked(
    endpoint: Endpoint, model: str, outgoing: Outgoing, settings: Settings, watch: Watch
) -> _Answering:
    endpoint.require_key()
    answering = _Answering(dialect(endpoint.host.dialect))
    speaks: Any = answering
    client = Client(Timeouts.of(settings), offline=settings.offline)
    try:
        for event in client.stream(Talk(endpoint, speaks, model, outgoing).run()):
            watch(event)
    finally:
        client.close()
    return answering


class _Answering:
    """A dialect whose replies are kept as they are; its errors and paths stay its own."""

    def __init__(self, of: Dialect) -> None:
        self.body: dict[str, Any] = {}
        self.sound = bytearray()
        self._of = of

    def Decoder(self) -> _Answering:
        """Of what does not come as JSON."""
        self.sound.clear()
        return self

    def feed(self, data: bytes) -> list[Event]:
        self.sound += data
        return []

    def close(self) -> list[Event]:
        return [Finish("stop")]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def decode_reply(self, body: dict[str, Any]) -> list[Event]:
        self.body = body
        return [Finish("stop")]

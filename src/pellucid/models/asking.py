"""One question to a host whose answer is one JSON object (a count, vectors) or a sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..dialects.base import Dialect, Outgoing
from ..dialects.registry import dialect
from ..errors import BadReply
from ..replies import Event, Finish
from ..settings import Settings
from .exchange import Talk
from .http import Client, Timeouts
from .keys import Endpoint
from .steps import Steps

if TYPE_CHECKING:
    from .http_async import AsyncClient

Watch = Callable[[Event], None]
"""Is told of a call's events: what is sent, and notices. They come from the caller's thread."""


def unwatched(event: Event) -> None:
    pass


def ask(endpoint: Endpoint, model: str, outgoing: Outgoing, settings: Settings) -> Answered:
    """What the host answers, with the retries and errors of any other call.

    Raises `MissingKey` before anything is sent, `ProviderError`.
    """
    answered = Answered(dialect(endpoint.host.dialect))
    client = Client(Timeouts.of(settings), offline=settings.offline)
    try:
        for _ in client.stream(_steps(endpoint, model, outgoing, answered)):
            pass
    finally:
        client.close()
    return answered


async def aask(
    endpoint: Endpoint,
    model: str,
    outgoing: Outgoing,
    client: AsyncClient,
    watch: Watch = unwatched,
) -> Answered:
    """The same without a thread of its own, over the connections of `client`. Cancelling its task
    ends the call."""
    answered = Answered(dialect(endpoint.host.dialect))

    def take(events: list[Event]) -> None:
        for event in events:
            watch(event)

    await client.run(_steps(endpoint, model, outgoing, answered), take)
    return answered


def _steps(endpoint: Endpoint, model: str, outgoing: Outgoing, answered: Answered) -> Steps:
    endpoint.require_key()
    speaks: Any = answered
    return Talk(endpoint, speaks, model, outgoing).run()


class Answered:
    """What a host answered: an object, or a sound. A call takes it for a dialect whose replies are
    kept as they are; its errors and paths stay its own."""

    def __init__(self, of: Dialect) -> None:
        self.body: dict[str, Any] = {}
        self._sound = bytearray()
        self._of = of

    @property
    def sound(self) -> bytes:
        """Raises `BadReply` where none came."""
        if not self._sound:
            raise BadReply("The host answered with JSON, not with a sound.")
        return bytes(self._sound)

    def Decoder(self) -> Answered:
        """Of what does not come as JSON."""
        self._sound.clear()
        return self

    def feed(self, data: bytes) -> list[Event]:
        self._sound += data
        return []

    def close(self) -> list[Event]:
        return [Finish("stop")]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def decode_reply(self, body: dict[str, Any]) -> list[Event]:
        self.body = body
        return [Finish("stop")]

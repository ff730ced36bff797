"""What every dialect is: one wire format, translated both ways, without I/O.

A dialect is a module (or a package) that has the names of `Dialect`. As a client it encodes
requests and decodes replies; as a server it decodes requests and encodes replies. What a format
cannot say is an error that names the field (`CannotExpress`), or, where leaving it out is
harmless, a note that reaches the receipt; never silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from ..messages import Request
from ..replies import Event, Reply
from ..value import value


@value
class Outgoing:
    """A request as it goes on the wire. `path` is relative to the API's base address; `notes` say
    what was left out because the API has no place for it. `form` is sent in place of the body by
    an API that takes no JSON: its media type, and its bytes."""

    path: str
    body: dict[str, Any]
    notes: tuple[str, ...] = ()
    form: tuple[str, bytes] | None = None


@value
class Extra:
    """Fields of a request that mean nothing here, as they were written in `dialect`: a host that
    speaks it is sent them as they are, and no other. `notes` say of each that it was left out."""

    dialect: str
    fields: Mapping[str, Any]
    notes: tuple[str, ...]


@value
class Incoming:
    """A request that came in over the wire. `notes` say which of its fields mean nothing here."""

    request: Request
    model: str
    stream: bool
    notes: tuple[str, ...] = ()
    include_usage: bool = True
    """Whether a streamed reply ends with the usage, where the API makes that a choice."""
    raw: str | None = None
    """The whole prompt as its text, where the caller wrote it himself; `request` then has no
    messages."""
    extra: Extra | None = None
    """Fields that mean nothing here, for a host that speaks the same dialect."""
    store: bool = True
    """Whether the reply may be asked for again by its id, where the API has that."""


@value
class Head:
    """What a server says of a reply beside its events. `created` is in seconds since 1970."""

    id: str
    model: str
    created: int
    include_usage: bool = True
    stored: bool = False
    """Whether the reply can be asked for again by its id."""
    reading: float | None = None
    writing: float | None = None
    """The model's own rates, of a reply that is whole (see `UsageEvent`)."""


FailureKind = Literal[
    "key",
    "permission",
    "not_found",
    "rejected",
    "too_large",
    "quota",
    "rate_limit",
    "overloaded",
    "server",
    "reply",
]


@value
class Failure:
    """What an API said went wrong: HTTP status, kind, its message, its own code and field.

    `retry_after` is how many seconds its words ask to be left alone; headers are not its words.
    """

    status: int
    kind: FailureKind
    message: str
    code: str | None = None
    field: str | None = None
    retry_after: float | None = None


class ReplyDecoder(Protocol):
    """Reads a streamed reply, cut into pieces anywhere."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises `ProviderError` for an error that the stream
        reports, `BadReply` for what is not this dialect."""

    def close(self) -> list[Event]:
        """The stream has ended: the events still held back, `Finish` last.

        Raises `IncompleteReply` when its end was not announced as the dialect announces it.
        """


class ReplyEncoder(Protocol):
    """Writes a streamed reply."""

    def start(self) -> bytes: ...

    def encode(self, event: Event) -> bytes:
        """The bytes of one event; empty for what the dialect does not say here."""

    def end(self) -> bytes:
        """After `Finish`: what closes the stream."""

    def fail(self, failure: Failure) -> bytes:
        """Ends a stream that broke: an error in the dialect's own shape, never a normal end."""


class Dialect(Protocol):
    """The names a dialect's module has."""

    NAME: str
    """As users and `Signature.owner` name it: `openai`, `openai-responses`, `anthropic`, ..."""

    def encode_request(
        self, request: Request, model: str, *, stream: bool, traits: frozenset[str] = frozenset()
    ) -> Outgoing:
        """Raises `CannotExpress`. `traits` are the ways of a host that differ from the API's."""

    def decode_request(self, body: Mapping[str, Any], path: str = "") -> Incoming:
        """Raises `BadRequest` naming the field. `path` matters where it names the model."""

    def narrow_request(self, request: Request) -> Request:
        """What of a request this dialect can say: `decode(encode(x)) == narrow(x)`."""

    def Decoder(self) -> ReplyDecoder: ...

    def decode_reply(self, body: Mapping[str, Any]) -> list[Event]:
        """The events of a reply that came whole, `Finish` last. Raises `BadReply`."""

    def Encoder(self, head: Head) -> ReplyEncoder: ...

    def encode_reply(self, reply: Reply, head: Head) -> dict[str, Any]: ...

    def narrow_events(self, events: Sequence[Event]) -> list[Event]:
        """What of a reply's events this dialect can say."""

    def decode_error(self, status: int, body: bytes) -> Failure:
        """What an answer with a status of 400 or more says went wrong."""

    def encode_error(self, failure: Failure) -> dict[str, Any]: ...

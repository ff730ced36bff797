"""The receipt: everything that is known about one call to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from ..messages import Message, Request
from ..prompt.values import Prompt
from ..replies import Exchange, FinishReason, Reply
from ..value import value

Kind = Literal["conversation", "vectors", "pictures", "speech", "transcription"]
"""What was asked of a model. All but a `conversation` have no prompt; what came of them, if it is
not text, stands in the reply's notices."""


@value
class Timings:
    """Seconds, measured at the caller unless named otherwise. `None`: not known.

    `first_token` is from sending to the first piece of text; `reading` and `writing` are the
    engine's own figures, in tokens per second.
    """

    total: float | None = None
    first_token: float | None = None
    reading: float | None = None
    writing: float | None = None


@value
class Memory:
    """What the memory policy did: `dropped` are the messages that were left out."""

    policy: str = "full"
    dropped: tuple[Message, ...] = ()


@value
class Receipt:
    """One call. `id` sorts by time (26 characters, Crockford base 32, as ULID).

    `versions` holds the sha256 of the model file and of the template, and the versions of
    Pellucid and of the engine. `window` is the context window in tokens. `settings` are the
    sampling settings the engine said it used. The first `replayed_messages` of the request's
    messages had been sent, or answered, before.
    """

    id: str
    created: float
    model: str
    conversation: str
    request: Request
    prompt: Prompt | None
    reply: Reply
    timings: Timings = Timings()
    memory: Memory = Memory()
    window: int | None = None
    parent: str | None = None
    app: str = "pellucid"
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    replayed_messages: int = 0
    exchange: Exchange | None = None
    """What went over the wire, where a host was asked; see `hosted`."""
    kind: Kind = "conversation"

    @property
    def hosted(self) -> bool:
        """Whether the model is at a host, also where nothing came to be sent there."""
        return self.exchange is not None or "host" in self.settings

    def __repr__(self) -> str:
        if self.kind != "conversation":
            return f"Receipt({self.id}, {self.model!r}: {self.kind}, {self.reply.finish})"
        usage = self.reply.usage
        return (
            f"Receipt({self.id}, {self.model!r}: {usage.input_total} tokens in, "
            f"{usage.output_total} out, {self.reply.finish})"
        )


@value
class Summary:
    """A line in a list of receipts.

    `question` and `answer` are the first words of the newest user message and of the reply, on one
    line; `input_tokens` and `output_tokens` are the totals of the receipt's usage.
    """

    id: str
    created: float
    model: str
    conversation: str
    question: str
    answer: str
    input_tokens: int
    output_tokens: int
    finish: FinishReason
    kind: Kind = "conversation"

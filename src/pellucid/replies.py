"""What a model answers: values without I/O.

Event = what a model streams: Sent, Started, Progress, TextDelta, RefusalDelta, ThinkingDelta,
        ToolCallDelta, MediaEvent, Notice, UsageEvent, Finish
Reply = what `collect(events)` makes of them
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from .errors import IncompleteReply
from .messages import (
    Known,
    Media,
    Message,
    Part,
    Produced,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from .value import value

FinishReason = Literal["stop", "stop_string", "length", "tool_calls", "refusal", "cut", "error"]
"""`refusal`: the model declined, or its provider's filter did. `cut` and `error` mark a partial
reply: stopped by the user, or lost with its engine."""

NO_ID = -1
"""The id of a token whose provider gave its text and probability but no id."""


@value
class Candidate:
    """A token the model might have produced here. `logprob` is the natural logarithm of its
    probability before sampling; `None` when it was not measured."""

    id: int
    piece: bytes
    logprob: float | None = None


@value
class ReplyToken:
    """One produced token. `exact` is false when the id had to be inferred from the text."""

    id: int
    piece: bytes
    logprob: float | None = None
    alternatives: tuple[Candidate, ...] = ()
    exact: bool = True


@value
class Usage:
    """Token counts in buckets that never overlap.

    Input is `fresh + cache_read + cache_write`; output is `output + reasoning`.
    """

    fresh: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    known: Known = "exact"

    @property
    def input_total(self) -> int:
        return self.fresh + self.cache_read + self.cache_write

    @property
    def output_total(self) -> int:
        return self.output + self.reasoning


@value
class Started:
    """The provider has accepted the call: its own id for it, and the model that answers."""

    id: str | None = None
    model: str | None = None


@dataclass(slots=True)
class Exchange:
    """What goes over the wire for one call; it fills as it happens. Secrets are never in it.

    `retries` says in a line each why an earlier attempt did not count.
    """

    method: str
    url: str
    sent_headers: dict[str, str]
    sent: bytes
    status: int | None = None
    received_headers: dict[str, str] = field(default_factory=dict)
    received: bytearray = field(default_factory=bytearray)
    retries: list[str] = field(default_factory=list)


@value
class Sent:
    """The request is on its way; `exchange` goes on filling until the stream ends."""

    exchange: Exchange


@value
class Progress:
    """The prompt is being read: `done` of `total` tokens, `cached` of them without work."""

    done: int
    total: int
    cached: int


@value
class TextDelta:
    text: str
    tokens: tuple[ReplyToken, ...] = ()
    signature: Signature | None = None


@value
class RefusalDelta:
    text: str


@value
class ThinkingDelta:
    """More thinking; a `signature` ends a stretch of it."""

    text: str
    signature: Signature | None = None
    redacted: bool = False


@value
class ToolCallDelta:
    """A fragment of the call at position `index`: an id, a name, or more of its arguments."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: Signature | None = None


@value
class MediaEvent:
    """A picture or a sound in the reply, whole."""

    media: Media


@value
class Notice:
    """What the provider sent, or did, that no other event can say; kept in the receipt."""

    text: str


@value
class UsageEvent:
    """What the call consumed. `reading` and `writing` are the model's own rates, in tokens/s."""

    usage: Usage
    reading: float | None = None
    writing: float | None = None


@value
class Finish:
    """The last event of every complete stream.

    `tokens` are those that end a reply without being text: the end-of-generation token.
    `produced` are the ids of the text before it, where all of them are known for certain.
    `detail` is the provider's own word for the reason; with `stop_string`, the string if told.
    """

    reason: FinishReason
    tokens: tuple[ReplyToken, ...] = ()
    produced: Produced | None = None
    detail: str | None = None


Event: TypeAlias = (
    Sent
    | Started
    | Progress
    | TextDelta
    | RefusalDelta
    | ThinkingDelta
    | ToolCallDelta
    | MediaEvent
    | Notice
    | UsageEvent
    | Finish
)


@value
class Reply:
    """What a model answered. `str(reply)` is its text.

    `detail` is the provider's own word for the finish; `notices` are what it sent that is not part
    of the message.
    """

    message: Message
    finish: FinishReason
    usage: Usage
    tokens: tuple[ReplyToken, ...] = ()
    error: str | None = None
    detail: str | None = None
    notices: tuple[str, ...] = ()
    id: str | None = None
    """The provider's own id of the answer."""
    model: str | None = None
    """The model that answered, in the provider's words."""

    @property
    def text(self) -> str:
        return self.message.text

    @property
    def complete(self) -> bool:
        return self.finish not in ("cut", "error")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else f"{self.text[:59]}…"
        return f"Reply({text!r}, {self.usage.output_total} tokens, {self.finish})"


def collect(events: Iterable[Event]) -> Reply:
    """Read a stream of events to its end and return the reply.

    Raises `IncompleteReply` when the stream ends without its finish event.
    """
    builder = ReplyBuilder()
    builder.add_all(events)
    return builder.reply()


_NOTHING_TOLD, _NOTHING_READ = Started(), Progress(0, 0, 0)


class ReplyBuilder:
    """Gathers events; `reply()` works once the finish event came, `partial()` at any time."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._text: list[str] = []  # what comes behind the parts
        self._calls: dict[int, int] = {}  # index of a call -> its place among the parts
        self._tokens: list[ReplyToken] = []
        self._notices: list[str] = []
        self._started = _NOTHING_TOLD
        self._usage: Usage | None = None
        self._progress = _NOTHING_READ
        self._finish: Finish | None = None
        self.exchange: Exchange | None = None

    def add_all(self, events: Iterable[Event]) -> None:
        """Most events are plain text: they take the shortest way."""
        pieces = self._text
        for event in events:
            if type(event) is TextDelta and event.signature is None:
                pieces.append(event.text)
                if event.tokens:
                    self._tokens.extend(event.tokens)
            else:
                self.add(event)

    def add(self, event: Event) -> None:
        if self._text:
            self._gather()
        match event:
            case Sent(exchange):
                self.exchange = exchange
            case Started():
                self._started = event
            case UsageEvent(usage):
                self._usage = usage
            case Finish():
                self._finish = event
                self._tokens.extend(event.tokens)
            case TextDelta(text, tokens, signature):
                if text or signature:
                    self._append(Text(text, signature=signature))
                self._tokens.extend(tokens)
            case RefusalDelta(text):
                self._append(Refusal(text))
            case ThinkingDelta(text, signature, redacted):
                self._append(Thinking(text, signature, redacted))
            case ToolCallDelta():
                self._call(event)
            case MediaEvent(media):
                self._parts.append(media)
            case Notice(text):
                self._notices.append(text)
            case Progress():
                self._progress = event

    def _gather(self) -> None:
        """The pieces of text as a part."""
        if text := "".join(self._text):
            self._append(Text(text))
        self._text.clear()

    def _append(self, part: Text | Refusal | Thinking) -> None:
        last = self._parts[-1] if self._parts else None
        match last, part:
            case Text(signature=None), Text():
                joined: Part = replace(last, text=last.text + part.text, signature=part.signature)
            case Refusal(), Refusal():
                joined = Refusal(last.text + part.text)
            case Thinking(signature=None, redacted=False), Thinking(redacted=False):
                joined = Thinking(last.text + part.text, part.signature)
            case _:
                self._parts.append(part)
                return
        self._parts[-1] = joined

    def _call(self, delta: ToolCallDelta) -> None:
        place = self._calls.setdefault(delta.index, len(self._parts))
        if place == len(self._parts):
            self._parts.append(ToolCall("", "", ""))
        old = self._parts[place]
        assert isinstance(old, ToolCall)
        self._parts[place] = ToolCall(
            delta.id or old.id,
            delta.name or old.name,
            old.arguments + delta.arguments,
            delta.signature or old.signature,
        )

    def reply(self) -> Reply:
        if self._finish is None:
            raise IncompleteReply(
                "The reply ended before the model said it was finished; what arrived is kept."
            )
        return self._build(self._finish, None)

    def partial(self, finish: FinishReason, error: str | None = None) -> Reply:
        """What arrived so far, marked as not complete."""
        return self._build(Finish(finish), error)

    def _build(self, finish: Finish, error: str | None) -> Reply:
        self._gather()
        parts = list(self._parts)
        # Calls stand where calls came in the stream, in the order of their indices.
        for place, index in zip(sorted(self._calls.values()), sorted(self._calls), strict=True):
            parts[place] = self._parts[self._calls[index]]
        return Reply(
            Message("assistant", tuple(parts), finish.produced),
            finish.reason,
            self._usage or self._usage_so_far(),
            tuple(self._tokens),
            error,
            finish.detail,
            tuple(self._notices),
            self._started.id,
            self._started.model,
        )

    def _usage_so_far(self) -> Usage:
        """What is known of a stream that broke off before it said what it consumed. While a prompt
        is read in, the model is further than it last said."""
        read = self._progress
        known: Known = "exact" if 0 < read.total == read.done else "estimated"
        return Usage(
            fresh=read.done - read.cached,
            cache_read=read.cached,
            output=len(self._tokens),
            known=known,
        )

"""The values that travel from a person to a model and back. No I/O, nothing of ours imported.

Message = role + parts (Text, Thinking, ToolCall, ToolResult, Media)
Request = messages + tools + options
Event   = what a model streams: Progress, TextDelta, ThinkingDelta, ToolCallDelta, UsageEvent,
          Finish
Reply   = what `collect(events)` makes of them
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from .errors import IncompleteReply, UsageError

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)

Known = Literal["exact", "reported", "estimated"]
"""How a number is known: counted on the real ids, reported by the provider, or estimated."""

FinishReason = Literal["stop", "stop_string", "length", "tool_calls", "refusal", "cut", "error"]
"""`cut` and `error` mark a partial reply: stopped by the user, or lost with its engine."""


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text. `source` (an address or a file) makes it a passage: untrusted text quoted."""

    text: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """Reasoning a model showed. `signature` is opaque and echoed back as it came."""

    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for. `arguments` is the JSON text exactly as it was written."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call with this `id`."""

    id: str
    name: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """An image, a sound or a file: its bytes, or the address where a provider finds it."""

    kind: Literal["image", "audio", "file"]
    mime: str
    data: bytes | None = None
    url: str | None = None
    name: str | None = None


Part: TypeAlias = Text | Thinking | ToolCall | ToolResult | Media


@dataclass(frozen=True, slots=True)
class Produced:
    """The ids a model produced for a message, kept so that they can be replayed as they are.

    `vocabulary` is the fingerprint of the vocabulary the ids belong to. An end-of-generation id
    is not included: the template writes its own.
    """

    ids: tuple[int, ...]
    vocabulary: str


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...]
    produced: Produced | None = None

    @property
    def text(self) -> str:
        """The visible text: text and tool-result parts joined, thinking and media left out."""
        return "".join(p.text for p in self.parts if isinstance(p, Text | ToolResult))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it. `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


OPTION_LIMITS: dict[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "top_k": (0, 2**31 - 1),
    "min_p": (0, 1),
    "max_tokens": (1, 2**31 - 1),
    "seed": (0, 2**32 - 1),
    "alternatives": (0, 1000),
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to sample. `None` leaves a choice to the model.

    `max_tokens` bounds the answer; `alternatives` is how many candidates are reported for every
    token of the reply (0: none).
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    alternatives: int | None = None

    def __post_init__(self) -> None:
        """Raises `UsageError` for a value that no sampler can take."""
        for name, (least, most) in OPTION_LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise UsageError(f"{name} is {value}; it goes from {least} to {most}.")


@dataclass(frozen=True, slots=True)
class Request:
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    options: Options = Options()
    generation_prompt: bool = True
    """Whether the prompt ends with the words that open the assistant's turn."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token the model might have produced here. `logprob` is the natural logarithm of its
    probability before sampling; `None` when it was not measured."""

    id: int
    piece: bytes
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """One produced token. `exact` is false when the id had to be inferred from the text."""

    id: int
    piece: bytes
    logprob: float | None = None
    alternatives: tuple[Candidate, ...] = ()
    exact: bool = True


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Progress:
    """The prompt is being read: `done` of `total` tokens, `cached` of them without work."""

    done: int
    total: int
    cached: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str
    tokens: tuple[ReplyToken, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A fragment of the call at position `index`: an id, a name, or more of its arguments."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """What the call consumed. `reading` and `writing` are the model's own rates, in tokens/s."""

    usage: Usage
    reading: float | None = None
    writing: float | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The last event of every complete stream.

    `tokens` are those that end a reply without being text: the end-of-generation token.
    `produced` are the ids of the text before it, where all of them are known for certain.
    """

    reason: FinishReason
    tokens: tuple[ReplyToken, ...] = ()
    produced: Produced | None = None


Event: TypeAlias = Progress | TextDelta | ThinkingDelta | ToolCallDelta | UsageEvent | Finish


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered. `str(reply)` is its text."""

    message: Message
    finish: FinishReason
    usage: Usage
    tokens: tuple[ReplyToken, ...] = ()
    error: str | None = None

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
    for event in events:
        builder.add(event)
    return builder.reply()


class ReplyBuilder:
    """Gathers events; `reply()` works once the finish event came, `partial()` at any time."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._calls: dict[int, ToolCall] = {}
        self._tokens: list[ReplyToken] = []
        self._usage: Usage | None = None
        self._progress = Progress(0, 0, 0)
        self._finish: FinishReason | None = None
        self._produced: Produced | None = None

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text, tokens):
                if text:
                    self._append(Text(text))
                self._tokens.extend(tokens)
            case ThinkingDelta(text, signature):
                self._append(Thinking(text, signature))
            case ToolCallDelta(index, id, name, arguments):
                old = self._calls.get(index, ToolCall("", "", ""))
                self._calls[index] = ToolCall(
                    id or old.id, name or old.name, old.arguments + arguments
                )
            case UsageEvent(usage):
                self._usage = usage
            case Finish(reason, tokens, produced):
                self._finish = reason
                self._produced = produced
                self._tokens.extend(tokens)
            case Progress():
                self._progress = event

    def _append(self, part: Text | Thinking) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(part, Text) and isinstance(last, Text):
            self._parts[-1] = replace(last, text=last.text + part.text)
        elif isinstance(part, Thinking) and isinstance(last, Thinking) and not last.signature:
            self._parts[-1] = Thinking(last.text + part.text, part.signature)
        else:
            self._parts.append(part)

    def reply(self) -> Reply:
        if self._finish is None:
            raise IncompleteReply(
                "The reply ended before the model said it was finished; what arrived is kept."
            )
        return self._build(self._finish, None)

    def partial(self, finish: FinishReason, error: str | None = None) -> Reply:
        """What arrived so far, marked as not complete."""
        return self._build(finish, error)

    def _build(self, finish: FinishReason, error: str | None) -> Reply:
        calls = tuple(self._calls[i] for i in sorted(self._calls))
        message = Message("assistant", (*self._parts, *calls), self._produced)
        usage = self._usage or self._usage_so_far()
        return Reply(message, finish, usage, tuple(self._tokens), error)

    def _usage_so_far(self) -> Usage:
        """What is known of a stream that broke off before it said what it consumed."""
        read = self._progress
        known: Known = "exact" if read.total else "estimated"
        return Usage(
            fresh=read.done - read.cached,
            cache_read=read.cached,
            output=len(self._tokens),
            known=known,
        )


def text_message(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def as_messages(value: object) -> tuple[Message, ...]:
    """Normalise every accepted shape of a conversation, once, at the edge.

    Accepted: a string (one user message), a `Message`, a list of `Message` or of
    `{"role": .., "content": ..}` dictionaries, and a list of `[user, assistant]` pairs, whose
    assistant may be `None`. Raises `UsageError` naming the item that is none of these.
    """
    if isinstance(value, str):
        return (text_message("user", value),)
    if isinstance(value, Message):
        return (value,)
    if isinstance(value, Mapping) or not isinstance(value, Sequence):
        raise UsageError(f"A conversation is a string or a list, not {type(value).__name__}.")
    out: list[Message] = []
    for i, item in enumerate(value):
        if isinstance(item, Message):
            out.append(item)
        elif isinstance(item, Mapping):
            out.append(_from_dict(item, i))
        elif isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2:
            out.extend(_from_pair(item, i))
        else:
            raise UsageError(
                f"Item {i} of the conversation is {type(item).__name__}; expected a message, a "
                'dictionary with "role" and "content", or a pair [user, assistant].'
            )
    return tuple(out)


def _from_pair(pair: Sequence[object], i: int) -> list[Message]:
    out: list[Message] = []
    for role, text in zip(("user", "assistant"), pair, strict=True):
        if text is None:
            continue
        if not isinstance(text, str):
            raise UsageError(f"The {role}'s side of pair {i} is {type(text).__name__}, not text.")
        out.append(text_message("user" if role == "user" else "assistant", text))
    return out


def _from_dict(item: Mapping[str, Any], i: int) -> Message:
    role = item.get("role")
    if role == "developer":  # OpenAI's newer word for the system's role
        role = "system"
    if role not in ROLES:
        raise UsageError(
            f"Message {i} has the role {role!r}; the roles are {', '.join(ROLES)} (and developer)."
        )
    content = item.get("content")
    parts: list[Part] = []
    if isinstance(item.get("reasoning_content"), str) and item["reasoning_content"]:
        parts.append(Thinking(item["reasoning_content"]))
    if role == "tool":
        text = content if isinstance(content, str) else "".join(p.text for p in _texts(content, i))
        parts.append(ToolResult(str(item.get("tool_call_id", "")), str(item.get("name", "")), text))
    elif isinstance(content, str):
        parts.append(Text(content))
    elif content is not None:
        parts.extend(_texts(content, i))
    elif not item.get("tool_calls"):
        raise UsageError(f'Message {i} has no "content".')
    calls = item.get("tool_calls") or ()
    if not isinstance(calls, Sequence):
        raise UsageError(f'The "tool_calls" of message {i} are not a list.')
    parts += [_call(call, i) for call in calls]
    return Message(role, tuple(parts))


def _call(call: object, i: int) -> ToolCall:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UsageError(f"Message {i} calls a tool without saying its name.")
    assert isinstance(call, Mapping)
    arguments = _json_text(function.get("arguments", {}))
    return ToolCall(str(call.get("id", "")), function["name"], arguments)


def _texts(content: object, i: int) -> list[Text]:
    if not isinstance(content, Sequence):
        raise UsageError(f"The content of message {i} is {type(content).__name__}, not text.")
    out = []
    for part in content:
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            raise UsageError(f"Message {i} has a part that is not text; only text is read here.")
        out.append(Text(part["text"]))
    return out


def _json_text(value: object) -> str:
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)

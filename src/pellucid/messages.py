"""What is sent to a model: values without I/O.

Message = role + parts (Text, Refusal, Thinking, ToolCall, ToolResult, Media)
Request = messages + tools + options

What comes back is in `replies.py`; the shapes in which people write conversations are read by
`shapes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from operator import attrgetter
from typing import Any, Literal, TypeAlias, get_args

from .errors import UsageError
from .value import value

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)

Known = Literal["exact", "reported", "estimated"]
"""How a number is known: counted on the real ids, reported by the provider, or estimated."""


@value
class Signature:
    """Opaque data that a provider wants echoed back with a part.

    `owner` is the dialect it came in; no other provider is ever sent it.
    """

    owner: str
    data: str


@value
class Text:
    """Plain text. `source` (an address or a file) makes it a passage: untrusted text quoted."""

    text: str
    source: str | None = None
    signature: Signature | None = None


@value
class Refusal:
    """The words in which a model declined, where its provider sets them apart from an answer."""

    text: str


@value
class Thinking:
    """Reasoning a model showed. `redacted`: all there is of it is the signature."""

    text: str
    signature: Signature | None = None
    redacted: bool = False


@value
class ToolCall:
    """A call the model asks for. `arguments` is the JSON text exactly as it was written."""

    id: str
    name: str
    arguments: str
    signature: Signature | None = None


@value
class Media:
    """An image, a sound or a file: its bytes, or the address where a provider finds it."""

    kind: Literal["image", "audio", "file"]
    mime: str
    data: bytes | None = None
    url: str | None = None
    name: str | None = None


@value
class ToolResult:
    """What a tool answered to the call with this `id`."""

    id: str
    name: str
    text: str
    failed: bool = False
    media: tuple[Media, ...] = ()


Part: TypeAlias = Text | Refusal | Thinking | ToolCall | ToolResult | Media


@value
class Produced:
    """The ids a model produced for a message, kept so that they can be replayed as they are.

    `vocabulary` is the fingerprint of the vocabulary the ids belong to. An end-of-generation id
    is not included: the template writes its own.
    """

    ids: tuple[int, ...]
    vocabulary: str


@value
class Message:
    role: Role
    parts: tuple[Part, ...]
    produced: Produced | None = None

    @property
    def text(self) -> str:
        """The visible text: text, refusal and tool-result parts joined, thinking and media left
        out."""
        if len(self.parts) == 1 and type(part := self.parts[0]) is Text:  # as in most
            return part.text
        return "".join([p.text for p in self.parts if isinstance(p, Text | Refusal | ToolResult)])

    def __str__(self) -> str:
        return self.text


@value
class ToolSpec:
    """A tool as a model is told of it. `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    """Whether the provider is asked to hold the arguments to the schema."""


@value
class ResponseFormat:
    """The reply is to be JSON; with a `schema`, JSON that fits it."""

    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    strict: bool = True


Effort = Literal["none", "minimal", "low", "medium", "high"]
"""How much a model is to think before it answers."""


OPTION_LIMITS: dict[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "top_k": (0, 2**31 - 1),
    "min_p": (0, 1),
    "max_tokens": (1, 2**31 - 1),
    "seed": (0, 2**32 - 1),
    "alternatives": (0, 1000),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "thinking_tokens": (0, 2**31 - 1),
}
_LIMITED = attrgetter(*OPTION_LIMITS)


@value
class Options:
    """How to sample. `None` leaves a choice to the model.

    `max_tokens` bounds the answer; `alternatives` is how many candidates are reported for every
    token of the reply (0: only the token's own probability). `effort` and `thinking_tokens` bound
    the thinking before the answer, where a model thinks.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    alternatives: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    effort: Effort | None = None
    thinking_tokens: int | None = None

    def __post_init__(self) -> None:
        """Raises `UsageError` for a value that no sampler can take."""
        for name, given in zip(OPTION_LIMITS, _LIMITED(self), strict=True):
            if given is None:
                continue
            least, most = OPTION_LIMITS[name]
            if not least <= given <= most:
                raise UsageError(f"{name} is {given}; it goes from {least} to {most}.")


@value
class Request:
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    options: Options = Options()
    generation_prompt: bool = True
    """Whether the prompt ends with the words that open the assistant's turn."""
    response_format: ResponseFormat | None = None
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the tool that must be called."""
    parallel_tools: bool | None = None
    """Whether one reply may hold several calls; `None` leaves it to the model."""


def quoted(part: Text) -> str:
    """The words of a part; those of a passage between plain lines that name its source:

    --- passage from SOURCE ---
    the text
    --- end of passage ---
    """
    if part.source is None:
        return part.text
    source = " ".join(part.source.split())
    return f"--- passage from {source} ---\n{part.text}\n--- end of passage ---"


def text_message(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))

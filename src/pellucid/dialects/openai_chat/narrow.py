"""What of a request Chat Completions can say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...errors import CannotExpress
from ...messages import (
    Media,
    Message,
    Options,
    Part,
    Refusal,
    Request,
    ResponseFormat,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from ..narrowing import Notes, check_choice, leave_out, note, words

NAME = "openai"
API = "OpenAI's Chat Completions API"

TRAITS = {
    "max_tokens": "knows the bound of the answer as max_tokens, not max_completion_tokens",
    "reasoning_content": "takes the thinking of earlier turns back",
    "sampling": "takes top_k and min_p",
    "stops": "takes any number of stop strings",
    "no_stream_options": "refuses stream_options",
}
"""The ways in which a host may differ from OpenAI."""

AUDIO = {"audio/wav": "wav", "audio/mpeg": "mp3"}
"""The types of sound that can be sent, and the API's names of them."""

MOST_STOPS = 4
MOST_ALTERNATIVES = 20


def narrow_request(request: Request) -> Request:
    return narrowed(request, frozenset())[0]


def narrowed(request: Request, traits: frozenset[str]) -> tuple[Request, tuple[str, ...]]:
    """The request as it can be said to a host with these traits, and notes on what was left out.

    Raises `CannotExpress` for what cannot be left out without changing what was asked.
    """
    notes: Notes = {}
    if not request.generation_prompt:
        raise CannotExpress(
            "an answer that is to be continued", API, "Ask for it in a message of the user's."
        )
    check_choice(request, API)
    form = request.response_format
    if form is not None and form.schema is None:
        form = ResponseFormat()
    narrow = Request(
        tuple(_messages(request, "reasoning_content" in traits, notes)),
        request.tools,
        _options(request.options, traits, notes),
        response_format=form,
        tool_choice=request.tool_choice if request.tools else "auto",
        parallel_tools=request.parallel_tools if request.tools else None,
    )
    return narrow, tuple(notes)


def _options(options: Options, traits: frozenset[str], notes: Notes) -> Options:
    unsaid = ("thinking_tokens",) if "sampling" in traits else ("thinking_tokens", "top_k", "min_p")
    options = leave_out(options, unsaid, API, notes)
    if len(options.stop) > MOST_STOPS and "stops" not in traits:
        raise CannotExpress(
            f"more than {MOST_STOPS} stop strings", API, f"There are {len(options.stop)}."
        )
    if (options.alternatives or 0) > MOST_ALTERNATIVES:
        note(notes, f"alternatives was lowered to {MOST_ALTERNATIVES}, the most there are.")
        options = replace(options, alternatives=MOST_ALTERNATIVES)
    return options


def _messages(request: Request, keep_thinking: bool, notes: Notes) -> Iterator[Message]:
    names: dict[str, str] = {}  # id of a call -> name of the tool
    for message in request.messages:
        if is_plain(message):
            yield message if message.produced is None else Message(message.role, message.parts)
            continue
        if message.role == "tool":
            for part in message.parts:
                yield Message("tool", (_result(part, names, notes),))
            continue
        parts = [_unmarked(part, notes) for part in message.parts]
        if message.role == "assistant":
            parts = _assistant(parts, keep_thinking, notes)
            names |= {part.id: part.name for part in parts if isinstance(part, ToolCall)}
        else:
            allowed = Text | Media if message.role == "user" else Text
            for part in parts:
                if not isinstance(part, allowed):
                    raise _misplaced(part, message.role)
            parts = [_medium(part) if isinstance(part, Media) else part for part in parts]
        yield Message(message.role, tuple(_joined(parts)))


def is_plain(message: Message) -> bool:
    """Whether all that is in a message is one text, as in most."""
    if len(message.parts) != 1 or message.role == "tool":
        return False
    part = message.parts[0]
    if type(part) is not Text or part.source is not None or part.signature is not None:
        return False
    return part.text != ""


def _unmarked(part: Part, notes: Notes) -> Part:
    """The part without signatures and sources, for which there is no place."""
    if isinstance(part, Text | Thinking | ToolCall) and part.signature is not None:
        note(notes, f"Signatures of {part.signature.owner} were left out.")
        part = replace(part, signature=None)
    return Text(words(part)) if isinstance(part, Text) else part


def _assistant(parts: list[Part], keep_thinking: bool, notes: Notes) -> list[Part]:
    """The parts in the order in which they stand on the wire."""
    for part in parts:
        if isinstance(part, Media | ToolResult):
            raise _misplaced(part, "assistant")
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    if thoughts and not keep_thinking:
        note(notes, "The thinking of earlier turns was left out.")
        thoughts = []
    return [
        *(thought for thought in thoughts if not thought.redacted),
        *(part for part in parts if isinstance(part, Text)),
        *(part for part in parts if isinstance(part, Refusal)),
        *(part for part in parts if isinstance(part, ToolCall)),
    ]


def _joined(parts: list[Part]) -> list[Part]:
    """Neighbours of one kind of text joined, since many hosts take only one; empty ones gone."""
    out: list[Part] = []
    for part in parts:
        last = out[-1] if out else None
        match last, part:
            case (
                (Text(), Text(text=text))
                | (Refusal(), Refusal(text=text))
                | (Thinking(), Thinking(text=text))
            ):
                assert isinstance(last, Text | Refusal | Thinking)
                out[-1] = replace(last, text=last.text + text)
            case _, Text(text="") | Refusal(text="") | Thinking(text=""):
                pass
            case _:
                out.append(part)
    return out


def _medium(media: Media) -> Media:
    """An image, a sound or a file as a user's message can hold it."""
    if media.data is None and media.kind != "image":
        raise CannotExpress(
            f"the address of {_a(media.kind)}", API, "Read it first and send its bytes."
        )
    if media.kind == "audio" and media.mime not in AUDIO:
        raise CannotExpress(f"sound of type {media.mime}", API, "Send WAV or MP3.")
    if media.data is None:
        return Media("image", "", url=media.url)
    name = media.name if media.kind == "file" else None
    return Media(media.kind, media.mime, media.data, name=name)


def _result(part: Part, names: dict[str, str], notes: Notes) -> ToolResult:
    if not isinstance(part, ToolResult):
        raise _misplaced(part, "tool")
    if part.media:
        raise CannotExpress(
            f"{_a(part.media[0].kind)} in a tool's result",
            API,
            "Let the tool answer in text, or send it in a message of the user's.",
        )
    if part.failed:
        note(notes, "That a tool failed was left out; its words were sent.")
    return ToolResult(part.id, names.get(part.id, ""), part.text)


def _misplaced(part: Part, role: str) -> CannotExpress:
    kind = part.kind if isinstance(part, Media) else type(part).__name__.lower()
    return CannotExpress(
        f"{_a(kind)} in a message of the {role}'s", API, "Leave it out of the conversation."
    )


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"

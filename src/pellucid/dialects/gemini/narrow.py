"""What of a request the Gemini API can say: the request that its wire format stands for.

The system's messages are one instruction, apart from the conversation. What tools answered to the
calls of one turn stands in one content. A function call's arguments are an object, so they come
back as that object's JSON, however they were spelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    Role,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from ..json_text import arguments_object, same_arguments
from ..media import kind_of, type_at, type_of
from ..narrowing import Notes, check_choice, note, own, refuse, words
from ..tool_calls import link

API = "Google's Gemini API"
NAME = "gemini"
MOST_SEED = 2**31 - 1
MOST_STOPS = 5
MOST_ALTERNATIVES = 20
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""What Google's OpenAI-compatible address makes of an effort, in tokens."""
UNSIGNED = "skip_thought_signature_validator"
"""Google's word for a call that none of its models made: it passes where a signature must stand.
https://ai.google.dev/gemini-api/docs/thought-signatures"""


def narrow(request: Request, traits: frozenset[str], notes: Notes) -> Request:
    """The request as it can be said. Raises `CannotExpress`; what was left out is in `notes`."""
    check_choice(request, API)
    choice = request.tool_choice if request.tools else "auto"
    if request.parallel_tools is False and request.tools:
        note(notes, f"parallel_tools was not sent: {API} lets the model choose.")
    strict = bool(request.tools) and choice == "auto" and all(t.strict for t in request.tools)
    if any(tool.strict for tool in request.tools) and not strict:
        note(notes, f"{API} is strict about all tools or none, and only where the model chooses.")
    return Request(
        _messages(request.messages, traits, notes),
        tuple(replace(tool, strict=strict) for tool in request.tools),
        _options(request.options, traits, notes),
        response_format=request.response_format and ResponseFormat(request.response_format.schema),
        tool_choice=choice,
    )


def _options(options: Options, traits: frozenset[str], notes: Notes) -> Options:
    options = refuse(options, {"min_p": "Leave it away, or use top_p."}, API)
    for name, value, most in (
        ("seed", options.seed, MOST_SEED),
        ("alternatives", options.alternatives, MOST_ALTERNATIVES),
        ("temperature", options.temperature, 2),
    ):
        if value is not None and value > most:
            raise CannotExpress(f"{name} {value}", API, f"It goes up to {most}.")
    if len(options.stop) > MOST_STOPS:
        raise CannotExpress(f"{len(options.stop)} stop strings", API, f"It takes {MOST_STOPS}.")
    return _thinking(options, traits, notes)


def _thinking(options: Options, traits: frozenset[str], notes: Notes) -> Options:
    effort, budget = options.effort, options.thinking_tokens
    if effort == "none" or budget == 0:
        if budget:
            note(notes, "thinking_tokens was not sent: the effort is none.")
        return replace(options, effort="none", thinking_tokens=None)
    if effort and budget:
        note(notes, f"effort was not sent: {API} takes it or thinking_tokens, not both.")
        return replace(options, effort=None)
    if effort and "thinking-budget" in traits:
        budget = BUDGETS[effort]
        note(notes, f"This model takes a budget for thinking, not an effort: {budget} tokens.")
        return replace(options, effort=None, thinking_tokens=budget)
    return options


def _messages(
    messages: tuple[Message, ...], traits: frozenset[str], notes: Notes
) -> tuple[Message, ...]:
    system: list[Part] = []
    out: list[Message] = []
    for message in link(messages):
        if message.role == "system":
            if out:
                note(notes, "A later system message was moved to the start, before all others.")
            system += [_system_text(part) for part in message.parts]
            continue
        assistant = message.role == "assistant"
        narrowed = (_part(part, assistant, notes) for part in message.parts)
        parts = [part for part in narrowed if part is not None]
        if assistant:
            _add(out, "assistant", parts)
            continue
        _add(out, "tool", [part for part in parts if isinstance(part, ToolResult)])
        _add(out, "user", [part for part in parts if not isinstance(part, ToolResult)])
    out = join_turns(out)
    if not out:
        raise CannotExpress("a conversation without a message of the user", API, "Say something.")
    if "signed-calls" in traits:
        out = [replace(message, parts=_signed(message.parts)) for message in out]
    return (*((Message("system", tuple(system)),) if system else ()), *out)


def _add(messages: list[Message], role: Role, parts: Sequence[Part]) -> None:
    if parts:
        messages.append(Message(role, tuple(parts)))


def _system_text(part: Part) -> Text:
    if isinstance(part, Text):
        return Text(words(part))
    raise CannotExpress(f"{type(part).__name__} in a system message", API, "Use text alone there.")


def _part(part: Part, assistant: bool, notes: Notes) -> Part | None:
    match part:
        case Text(signature=signature):
            text, signature = words(part), own(signature, NAME, API, notes)
            return Text(text, signature=signature) if text or signature else None
        case Refusal(text):
            return Text(text)
        case Thinking(text, signature) if assistant:
            signature = own(signature, NAME, API, notes)
            return Thinking(text, signature) if text or signature else None
        case ToolCall(id, name, arguments, signature) if assistant:
            arguments_object(arguments, API)
            signature = own(signature, NAME, API, notes)
            return ToolCall(id, name, same_arguments(arguments), signature)
        case ToolResult(id, name, text, failed, media) if not assistant:
            if not name:
                raise CannotExpress(
                    f"the result {id!r} of no call in the conversation", API, "Name its tool."
                )
            kept = tuple(_media(item, notes) for item in media)
            return ToolResult(id, name, text, failed, kept)
        case Media():
            return _media(part, notes)
        case _:
            side = "assistant" if assistant else "user"
            raise CannotExpress(
                f"{type(part).__name__} in a message of the {side}", API, "Leave it away."
            )


def _media(media: Media, notes: Notes) -> Media:
    if media.name:
        note(notes, f"{API} takes no names of files.")
    if media.data is not None:
        mime = media.mime or type_of(media.data)
        if not mime:
            raise CannotExpress(f"a {media.kind} of unknown type", API, "Give its MIME type.")
        return Media(kind_of(mime), mime, media.data)
    if not media.url:
        raise CannotExpress(f"an empty {media.kind}", API, "Give its bytes or its address.")
    mime = media.mime or type_at(media.url)
    return Media(kind_of(mime), mime, url=media.url)


def join_turns(messages: Iterable[Message]) -> list[Message]:
    """The messages with those next to one another joined, of the model and of tools.

    A client that keeps a streamed reply sends it back in as many contents as it came in chunks.
    A part with a signature is never joined with another: it must come back as it was.
    """
    out: list[Message] = []
    for message in messages:
        if message.role in ("assistant", "tool"):
            if out and out[-1].role == message.role:
                message = Message(message.role, (*out.pop().parts, *message.parts))
            message = Message(message.role, _joined(message.parts))
        out.append(message)
    return out


def _joined(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    out: list[Part] = []
    for part in parts:
        match out[-1:], part:
            case [Text(before, _, None)], Text(text, _, None):
                out[-1] = Text(before + text)
            case [Thinking(before, None)], Thinking(text, None):
                out[-1] = Thinking(before + text)
            case _:
                out.append(part)
    return tuple(out)


def _signed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts of a turn whose first call, if unsigned, says that another model made it."""
    for i, part in enumerate(parts):
        if isinstance(part, ToolCall):
            signature = part.signature or Signature(NAME, UNSIGNED)
            return (*parts[:i], replace(part, signature=signature), *parts[i + 1 :])
    return parts

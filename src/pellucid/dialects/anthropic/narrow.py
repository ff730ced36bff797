"""What of a request the Messages API can say: the request that its wire format stands for.

Roles alternate, so neighbours of one side become one turn: tool results first, then what the user
says. The system's messages that open the conversation are the `system` field. A later one stands
in the conversation, at the end of its user turn: the only place the API takes it. Where there is no
such turn, or the host takes none (`leading-system`), it joins the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...errors import CannotExpress
from ...messages import (
    Media,
    Message,
    Options,
    Part,
    Refusal,
    Request,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from ..json_text import arguments_object, same_arguments
from ..narrowing import Notes, check_choice, leave_out, note, own, refuse, words

API = "Anthropic's Messages API"
NAME = "anthropic"
TRAITS = {
    "leading-system": "takes system messages at the start alone",
    "no-sampling": "takes no temperature, top_p or top_k",
    "no-schema": "holds no answer to a JSON schema",
    "no-adaptive": "takes a budget for thinking and no effort",
}
"""The ways in which a model or a host may differ from the API as it is now."""

MAX_TOKENS = 8192
"""What is sent where nothing was said: the API wants a bound, and every current model has it."""
LEAST_BUDGET = 1024
BUDGETS = {"low": 2048, "medium": 8192, "high": 16384}
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
NO_PARAMETERS = {"type": "object", "properties": {}}
_NOT_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_SET_NO = {
    "frequency_penalty": "Leave it away.",
    "presence_penalty": "Leave it away.",
}


def narrow(request: Request, traits: frozenset[str], notes: Notes) -> Request:
    """The request as it can be said. Raises `CannotExpress`; what was left out is in `notes`."""
    check_choice(request, API)
    last = request.messages[-1].role if request.messages else "system"
    if not request.generation_prompt and last != "assistant":
        raise CannotExpress(
            "a turn of the assistant's that is not opened", API, "End with its first words."
        )
    choice, parallel = request.tool_choice, request.parallel_tools
    if not request.tools:
        choice, parallel = "auto", None
    elif choice == "none":
        parallel = None
    if request.response_format and request.response_format.schema is None:
        raise CannotExpress("JSON without a schema", API, "Give a JSON schema for the answer.")
    if request.response_format and "no-schema" in traits:
        raise CannotExpress("a JSON schema for this model", API, "Choose a newer one.")
    if request.response_format and not request.response_format.strict:
        note(notes, f"{API} always holds an answer to its schema.")
    return Request(
        _messages(request.messages, traits, notes),
        tuple(_tool(tool) for tool in request.tools),
        _options(request.options, traits, notes),
        response_format=request.response_format
        and replace(request.response_format, name="answer", strict=True),
        tool_choice=choice,
        parallel_tools=parallel,
    )


def _tool(tool: ToolSpec) -> ToolSpec:
    return replace(tool, parameters=dict(tool.parameters) or NO_PARAMETERS)


def _options(options: Options, traits: frozenset[str], notes: Notes) -> Options:
    options = leave_out(options, ("seed", "alternatives", "min_p"), API, notes)
    options = refuse(options, _SET_NO, API)
    if "no-sampling" in traits:
        for name in ("temperature", "top_p", "top_k"):
            if getattr(options, name) is not None:
                note(notes, f"{name} was not sent: this model takes none.")
        options = replace(options, temperature=None, top_p=None, top_k=None)
    if (options.temperature or 0) > 1:
        raise CannotExpress(f"a temperature of {options.temperature}", API, "It goes from 0 to 1.")
    options = _thinking(options, traits, notes)
    if options.max_tokens is None:
        most = MAX_TOKENS + (options.thinking_tokens or 0)
        note(notes, f"max_tokens was not set and {API} wants it: {most} was sent.")
        options = replace(options, max_tokens=most)
    elif (options.thinking_tokens or 0) >= options.max_tokens:
        raise CannotExpress(
            f"{options.thinking_tokens} tokens of thinking in {options.max_tokens} of reply",
            API,
            "It counts thinking as part of the reply: raise max_tokens over thinking_tokens.",
        )
    return options


def _thinking(options: Options, traits: frozenset[str], notes: Notes) -> Options:
    budget, effort = options.thinking_tokens, options.effort
    if effort == "none" or budget == 0:
        if budget:
            note(notes, "thinking_tokens was not sent: no effort is to be made.")
        return replace(options, effort="none", thinking_tokens=None)
    if effort == "minimal":
        note(notes, f"{API} knows no minimal effort: low was sent.")
        effort = "low"
    if effort and "no-adaptive" in traits:
        if budget is None:
            budget = BUDGETS[effort]
            note(notes, f"This model takes a budget for thinking, not an effort: {budget} tokens.")
        effort = None
    if budget is not None and budget < LEAST_BUDGET:
        raise CannotExpress(
            f"{budget} tokens of thinking", API, f"The least is {LEAST_BUDGET}; 0 turns it off."
        )
    return replace(options, effort=effort, thinking_tokens=budget)


@dataclass(slots=True)
class _Turn:
    """What one side says. The user's side holds tool results and the system's words as well."""

    assistant: bool
    parts: list[Part] = field(default_factory=list)
    results: list[Part] = field(default_factory=list)
    system: list[Part] = field(default_factory=list)


def _messages(
    messages: tuple[Message, ...], traits: frozenset[str], notes: Notes
) -> tuple[Message, ...]:
    names = _names(messages)
    system: list[Part] = []
    turns: list[_Turn] = []
    for message in messages:
        if message.role == "system":
            place = _turn(turns, False).system if turns else system
            place += [_system_text(part) for part in message.parts]
            continue
        turn = _turn(turns, message.role == "assistant")
        for part in message.parts:
            narrowed = _part(part, message.role, names, notes)
            if isinstance(narrowed, ToolResult):
                turn.results.append(narrowed)
            elif narrowed is not None and narrowed != Text(""):
                turn.parts.append(narrowed)
    for turn in turns:
        if turn.system and ("leading-system" in traits or not (turn.parts or turn.results)):
            note(notes, "A later system message was moved to the system field, before all others.")
            system += turn.system
            turn.system = []
    return (*_message("system", system), *_alternate(turns))


def _turn(turns: list[_Turn], assistant: bool) -> _Turn:
    if not turns or turns[-1].assistant != assistant:
        turns.append(_Turn(assistant))
    return turns[-1]


def _alternate(turns: list[_Turn]) -> Iterable[Message]:
    """The turns that say something as messages; those of one side next to one another are one."""
    joined: list[_Turn] = []
    for turn in turns:
        if turn.parts or turn.results:
            last = _turn(joined, turn.assistant)
            last.parts += turn.parts
            last.results += turn.results
            last.system += turn.system
    for turn in joined:
        if turn.assistant:
            yield from _message("assistant", turn.parts)
        else:
            yield from _message("tool", turn.results)
            yield from _message("user", turn.parts)
            yield from _message("system", turn.system)


def _message(role: Role, parts: list[Part]) -> tuple[Message, ...]:
    return (Message(role, tuple(parts)),) if parts else ()


def _system_text(part: Part) -> Text:
    if isinstance(part, Text):
        return Text(words(part))
    raise CannotExpress(f"{type(part).__name__} in a system message", API, "Use text alone there.")


def _names(messages: tuple[Message, ...]) -> dict[str, str]:
    """The id of each tool call, as it is sent, and its tool's name."""
    calls = (part for message in messages for part in message.parts if isinstance(part, ToolCall))
    return {tool_id(call.id): call.name for call in calls}


def tool_id(text: str) -> str:
    """An id of a tool call in the letters that the API allows."""
    return _NOT_IN_AN_ID.sub("_", text)


def _part(part: Part, role: str, names: dict[str, str], notes: Notes) -> Part | None:
    assistant = role == "assistant"
    match part:
        case Text(signature=signature):
            own(signature, NAME, API, notes)
            return Text(words(part))
        case Refusal(text):
            return Text(text)
        case Thinking(text, signature, redacted) if assistant:
            if signature is None or signature.owner != NAME:
                note(notes, f"Thinking that {API} did not sign was not sent to it.")
                return None
            return Thinking("" if redacted else text, signature, redacted)
        case ToolCall(id, name, arguments, signature) if assistant:
            own(signature, NAME, API, notes)
            arguments_object(arguments, API)
            return ToolCall(tool_id(id), name, same_arguments(arguments))
        case ToolResult(id, _, text, failed, media) if not assistant:
            id = tool_id(id)
            kept = tuple(narrow_media(item) for item in media)
            return ToolResult(id, names.get(id, ""), text, failed, kept)
        case Media() if not assistant:
            return narrow_media(part)
        case _:
            raise CannotExpress(
                f"{type(part).__name__} in a message of the {role}", API, "Leave it away."
            )


def narrow_media(media: Media) -> Media:
    """Images of four types, PDF and plain text. Raises `CannotExpress` for all else."""
    if media.data is None and media.url is None:
        raise CannotExpress(f"an empty {media.kind}", API, "Give its bytes or its address.")
    match media.kind:
        case "image":
            if media.data is None:
                return Media("image", "", url=media.url)
            if media.mime in IMAGES:
                return Media("image", media.mime, media.data)
            raise CannotExpress(
                f"an image of type {media.mime}", API, f"It takes {', '.join(IMAGES)}."
            )
        case "file":
            if media.data is None:
                return Media("file", "", url=media.url, name=media.name)
            if media.mime == "application/pdf":
                return replace(media, url=None)
            if media.mime.startswith("text/") and _is_utf8(media.data):
                return Media("file", "text/plain", media.data, name=media.name)
            raise CannotExpress(
                f"a file of type {media.mime}", API, "It takes PDF and text in UTF-8."
            )
        case _:
            raise CannotExpress("sound", API, "Transcribe it first.")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True

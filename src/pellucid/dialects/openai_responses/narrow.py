"""What of a request the Responses API can say: the request that its wire format stands for.

The conversation is a list of items: neighbouring items of the assistant's are one message here,
and so are neighbouring results of tools. A text's signature is its message's `phase`, thinking's
is the item's id and its encrypted content.
"""

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
from ..narrowing import Notes, check_choice, leave_out, note, own, refuse, words

API = "OpenAI's Responses API"
NAME = "openai-responses"
TRAITS = {"no-summary": "gives no summary of its thinking, as OpenAI to those it has not verified"}
"""The ways in which a host may differ from OpenAI."""

MOST_ALTERNATIVES = 20
_UNHEARD = ("seed", "top_k", "min_p", "thinking_tokens")
_SET_NO = {
    "stop": "Leave it away, or ask the model to end there.",
    "frequency_penalty": "Leave it away.",
    "presence_penalty": "Leave it away.",
}


def narrow(request: Request, notes: Notes) -> Request:
    """The request as it can be said. Raises `CannotExpress`; what was left out is in `notes`."""
    check_choice(request, API)
    if not request.generation_prompt:
        raise CannotExpress(
            "an answer that is to be continued", API, "Ask for it in a message of the user's."
        )
    form = request.response_format
    return Request(
        tuple(_gathered(_messages(request.messages, notes))),
        request.tools,
        _options(request.options, notes),
        response_format=form if form is None or form.schema is not None else ResponseFormat(),
        tool_choice=request.tool_choice if request.tools else "auto",
        parallel_tools=request.parallel_tools if request.tools else None,
    )


def _options(options: Options, notes: Notes) -> Options:
    if options.thinking_tokens == 0:
        options = replace(options, effort="none", thinking_tokens=None)
    options = leave_out(options, _UNHEARD, API, notes)
    options = refuse(options, _SET_NO, API)
    if (options.temperature or 0) > 2:
        raise CannotExpress(f"a temperature of {options.temperature}", API, "It goes from 0 to 2.")
    if (options.alternatives or 0) > MOST_ALTERNATIVES:
        note(notes, f"{MOST_ALTERNATIVES} alternatives were asked for, the most that {API} gives.")
        options = replace(options, alternatives=MOST_ALTERNATIVES)
    return options


def _messages(messages: tuple[Message, ...], notes: Notes) -> Iterator[Message]:
    calls = (part for message in messages for part in message.parts if isinstance(part, ToolCall))
    names = {call.id: call.name for call in calls}
    for message in messages:
        parts = [_part(part, message.role, names, notes) for part in message.parts]
        kept = tuple(part for part in parts if part not in (None, Text(""), Refusal("")))
        if kept:
            yield Message(message.role, kept)


def _gathered(messages: Iterator[Message]) -> list[Message]:
    """Neighbouring messages of the assistant's are one, and so are those of tools."""
    out: list[Message] = []
    for message in messages:
        if out and message.role in ("assistant", "tool") and message.role == out[-1].role:
            out[-1] = replace(out[-1], parts=out[-1].parts + message.parts)
        else:
            out.append(message)
    return out


def _part(part: Part, role: str, names: dict[str, str], notes: Notes) -> Part | None:
    match role, part:
        case "assistant", Text(signature=signature):
            return Text(words(part), signature=own(signature, NAME, API, notes))
        case (("system" | "user"), Text(signature=signature)):
            own(signature, NAME, API, notes)
            return Text(words(part))
        case "assistant", Refusal():
            return part
        case "assistant", Thinking(text, signature):
            if signature is None or signature.owner != NAME:
                note(notes, f"Thinking that {API} did not sign was not sent to it.")
                return None
            return Thinking(text, signature, redacted=not text)
        case "assistant", ToolCall(signature=signature):
            own(signature, NAME, API, notes)
            return replace(part, signature=None)
        case "user", Media():
            return narrow_media(part)
        case "tool", ToolResult(id, _, text, failed, media):
            if failed:
                note(notes, f"{API} has no mark for a tool that failed; its words were sent.")
            shown = tuple(narrow_media(item) for item in media)
            return ToolResult(id, names.get(id, ""), text, media=shown)
    raise CannotExpress(f"{type(part).__name__} in a message of the {role}", API, "Leave it away.")


def narrow_media(media: Media) -> Media:
    """Images and files. Raises `CannotExpress` for sound, and for what is empty."""
    if media.kind == "audio":
        raise CannotExpress("sound", API, "Transcribe it first, or use Chat Completions.")
    if media.data is None and media.url is None:
        raise CannotExpress(f"an empty {media.kind}", API, "Give its bytes or its address.")
    if media.data is None:
        return Media(media.kind, "", url=media.url)
    return replace(media, url=None, name=media.name if media.kind == "file" else None)

"""What of a request Ollama's own API can say: the request that its wire format stands for.

A message is one text, its thoughts, its images and its calls, in that order. Images have no type on
the wire: it is read from their first bytes. Arguments of calls are an object, so they come back as
that object's JSON, however they were spelled.
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
    ToolSpec,
)
from ..json_text import arguments_object, same_arguments
from ..media import type_of
from ..narrowing import Notes, check_choice, leave_out, note, own, words
from ..tool_calls import link

API = "Ollama's API"
NAME = "ollama"
MOST_ALTERNATIVES = 20
NO_PARAMETERS = {"type": "object", "properties": {}}


def narrow(request: Request, notes: Notes) -> Request:
    """The request as it can be said. Raises `CannotExpress`; what was left out is in `notes`."""
    messages = tuple(
        said for message in link(request.messages) for said in _messages(message, notes)
    )
    if not messages:
        raise CannotExpress("an empty conversation", API, "Say something.")
    answer = request.response_format
    return Request(
        messages,
        _tools(request, notes),
        _options(request.options, notes),
        response_format=answer and ResponseFormat(answer.schema),
    )


def _tools(request: Request, notes: Notes) -> tuple[ToolSpec, ...]:
    check_choice(request, API)
    if not request.tools:
        return ()
    if request.tool_choice == "none":
        note(notes, f"The tools were not sent: {API} cannot name tools and forbid them.")
        return ()
    if request.tool_choice != "auto":
        raise CannotExpress(
            f"tool_choice {request.tool_choice!r}", API, "It leaves the choice to the model: auto."
        )
    if request.parallel_tools is False:
        note(notes, f"parallel_tools was not sent: {API} lets the model choose.")
    if any(tool.strict for tool in request.tools):
        note(notes, f"{API} does not hold arguments of tools to their schema.")
    return tuple(
        replace(tool, parameters=dict(tool.parameters) or NO_PARAMETERS, strict=False)
        for tool in request.tools
    )


def _options(options: Options, notes: Notes) -> Options:
    if (options.alternatives or 0) > MOST_ALTERNATIVES:
        raise CannotExpress(
            f"{options.alternatives} alternatives", API, f"It gives up to {MOST_ALTERNATIVES}."
        )
    if options.thinking_tokens == 0:
        options = replace(options, effort="none", thinking_tokens=None)
    if options.effort == "minimal":
        note(notes, f"{API} knows no minimal effort: low was sent.")
        options = replace(options, effort="low")
    return leave_out(options, ("thinking_tokens",), API, notes)


def _messages(message: Message, notes: Notes) -> Iterator[Message]:
    """The message as one, or as one for each result of a tool and one for what else it says."""
    rest: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult) and message.role != "assistant":
            if part.failed:
                note(notes, f"{API} has no mark for a tool that failed: its words alone were sent.")
            images = tuple(_image(item, notes) for item in part.media)
            yield Message("tool", (ToolResult(part.id, part.name, part.text, media=images),))
        else:
            rest.append(part)
    parts = _parts(message, rest, notes)
    if parts:
        role = "user" if message.role == "tool" else message.role
        yield Message(role, tuple(parts))


def _parts(message: Message, parts: list[Part], notes: Notes) -> list[Part]:
    assistant = message.role == "assistant"
    texts, thoughts = "", ""
    images: list[Part] = []
    calls: list[Part] = []
    for part in parts:
        match part:
            case Text(signature=signature):
                own(signature, NAME, API, notes)
                texts += words(part)
            case Refusal(text):
                texts += text
            case Thinking(text, signature, redacted) if assistant:
                own(signature, NAME, API, notes)
                if redacted:
                    note(notes, f"Thinking without words was not sent to {API}.")
                thoughts += "" if redacted else text
            case ToolCall(id, name, arguments, signature) if assistant:
                own(signature, NAME, API, notes)
                arguments_object(arguments, API)
                calls.append(ToolCall(id, name, same_arguments(arguments)))
            case Media() if message.role != "system":
                images.append(_image(part, notes))
            case _:
                raise CannotExpress(
                    f"{type(part).__name__} in a message of the {message.role}",
                    API,
                    "Leave it away.",
                )
    return [
        *([Thinking(thoughts)] if thoughts else []),
        *([Text(texts)] if texts else []),
        *images,
        *calls,
    ]


def _image(media: Media, notes: Notes) -> Media:
    if media.kind != "image":
        raise CannotExpress(f"a {media.kind} in a message", API, "It takes text and images.")
    if media.data is None:
        raise CannotExpress("an image at an address", API, "Give its bytes.")
    if media.name:
        note(notes, f"{API} takes no names of files.")
    return image(media.data)


def image(data: bytes) -> Media:
    """An image as it is known from its bytes alone; PNG where they tell nothing."""
    mime = type_of(data)
    return Media("image", mime if mime.startswith("image/") else "image/png", data)

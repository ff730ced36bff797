"""Requests of Ollama's `POST /api/chat`, read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest
from ...messages import (
    ROLES,
    Effort,
    Media,
    Message,
    Options,
    Part,
    Request,
    ResponseFormat,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from .. import fields
from ..base import Incoming
from ..json_text import arguments_text
from ..media import from_base64
from ..narrowing import Notes, note, note_unread, unread
from ..tool_calls import link
from .narrow import NAME, image

OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "num_predict": "max_tokens",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
COMMON = (
    *("model", "stream", "format", "think", "logprobs", "top_logprobs", "options"),
    *("truncate", "shift"),
)
"""The fields that `/api/chat` and `/api/generate` share and that are understood."""
EFFORTS: dict[object, Effort] = {
    True: "medium",  # which is what Ollama makes of it
    False: "none",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "max": "high",
}


def decode_request(body: Mapping[str, Any], path: str = "") -> Incoming:
    """Raises `BadRequest` naming the field.

    Without messages, the caller wants the model loaded, or unloaded where `keep_alive` is 0.
    """
    notes: Notes = {}
    note_unread(body, (*COMMON, "messages", "tools"), notes)
    messages = [_message(item, where) for where, item in fields.objects(body, "messages")]
    request = Request(
        link(tuple(message for message in messages if message.parts)),
        tuple(_tool(tool, where) for where, tool in fields.objects(body, "tools")),
        read_options(body, notes),
        response_format=read_format(body),
    )
    model, extra = fields.need(body, "model", str), unread(body, notes, NAME)
    return Incoming(request, model, streams(body), tuple(notes), extra=extra)


def streams(body: Mapping[str, Any]) -> bool:
    """Whether the reply is to be streamed, as it is unless the caller says otherwise."""
    stream = fields.take(body, "stream", bool)
    return True if stream is None else stream


def _message(item: Mapping[str, Any], where: str) -> Message:
    role = fields.role(item, where, ROLES)
    text = fields.take(item, "content", str, where) or ""
    images = read_images(item, where)
    if role == "tool":
        id = fields.take(item, "tool_call_id", str, where) or ""
        name = fields.take(item, "tool_name", str, where) or ""
        return Message("tool", (ToolResult(id, name, text, media=images),))
    thoughts = fields.take(item, "thinking", str, where) if role == "assistant" else None
    parts: list[Part] = [
        *([Thinking(thoughts)] if thoughts else []),
        *([Text(text)] if text else []),
        *images,
    ]
    if role == "assistant":
        parts += [_call(call, at) for at, call in fields.objects(item, "tool_calls", where)]
    return Message(role, tuple(parts))


def _call(call: Mapping[str, Any], where: str) -> ToolCall:
    function = fields.need(call, "function", dict, where)
    place = f"{where}.function"
    return ToolCall(
        fields.take(call, "id", str, where) or "",
        fields.need(function, "name", str, place),
        arguments_text(fields.take(function, "arguments", dict, place) or {}),
    )


def read_images(item: Mapping[str, Any], where: str) -> tuple[Media, ...]:
    """The images of a message, which are base64 and nothing around it."""
    place = fields.join(where, "images")
    texts = fields.take(item, "images", list, where) or []
    return tuple(
        image(from_base64(fields.want(text, str, f"{place}[{i}]"), f"{place}[{i}]"))
        for i, text in enumerate(texts)
    )


def _tool(tool: Mapping[str, Any], where: str) -> ToolSpec:
    kind = fields.take(tool, "type", str, where) or "function"
    if kind != "function":
        raise BadRequest(f"{where}.type is {kind!r}; it is function.", f"{where}.type")
    function = fields.need(tool, "function", dict, where)
    place = f"{where}.function"
    return ToolSpec(
        fields.need(function, "name", str, place),
        fields.take(function, "description", str, place) or "",
        fields.take(function, "parameters", dict, place) or {},
    )


def read_options(body: Mapping[str, Any], notes: Notes) -> Options:
    given = fields.take(body, "options", dict) or {}
    note_unread(given, (*OPTIONS, "stop"), notes, "options")
    if body.get("truncate") or body.get("shift"):
        note(notes, "A prompt that does not fit is refused here, never shortened.")
    values = {}
    for name, ours in OPTIONS.items():
        value = given.get(name)
        if name == "num_predict" and isinstance(value, int) and value <= 0:
            value = None  # -1: without bound
        values[ours] = fields.option(ours, value, f"options.{name}")
    return Options(
        **values, stop=_stop(given), alternatives=_alternatives(body), effort=_effort(body, notes)
    )


def _stop(given: Mapping[str, Any]) -> tuple[str, ...]:
    stop = given.get("stop")
    if isinstance(stop, str):
        return (stop,)
    texts = fields.take(given, "stop", list, "options") or []
    return tuple(fields.want(text, str, f"options.stop[{i}]") for i, text in enumerate(texts))


def _alternatives(body: Mapping[str, Any]) -> int | None:
    if not fields.take(body, "logprobs", bool):
        return None
    count: int = fields.option("alternatives", body.get("top_logprobs") or 0, "top_logprobs")
    return count


def _effort(body: Mapping[str, Any], notes: Notes) -> Effort | None:
    think = body.get("think")
    if think is None:
        return None
    if not isinstance(think, bool | str) or think not in EFFORTS:
        raise BadRequest("think must be true, false, low, medium, high or max.", "think")
    if think == "max":
        note(notes, "think max is not known here: high is the most.")
    return EFFORTS[think]


def read_format(body: Mapping[str, Any]) -> ResponseFormat | None:
    match body.get("format"):
        case None | "":
            return None
        case "json":
            return ResponseFormat()
        case dict() as schema:
            return ResponseFormat(schema)
    raise BadRequest('format must be "json" or a JSON schema.', "format")

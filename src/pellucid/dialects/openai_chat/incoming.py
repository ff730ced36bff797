"""Requests as a server of Chat Completions reads them, older spellings included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import BadRequest
from ...messages import (
    Message,
    Part,
    Refusal,
    Request,
    Thinking,
    ToolCall,
    ToolResult,
    text_message,
)
from ..base import Incoming
from ..fields import need, objects, take
from ..json_text import arguments_text
from ..narrowing import Notes, note_unread, unread
from .content import read_content, read_text
from .incoming_options import OPTIONS, read_format, read_options
from .incoming_tools import TOOLS, read_tools
from .narrow import NAME

READ = OPTIONS | TOOLS | {"model", "messages", "response_format", "stream", "stream_options"}
READ_OF_MESSAGE = {
    *("role", "content", "refusal", "reasoning_content", "reasoning"),
    *("tool_calls", "function_call", "tool_call_id"),
}
IN_USERS = ("text", "image_url", "input_audio", "file")
RESULTS = ("tool", "function")


def decode_request(body: Mapping[str, Any], path: str = "") -> Incoming:
    """Raises `BadRequest` naming the field."""
    notes: Notes = {}
    model = need(body, "model", str)
    stream = take(body, "stream", bool) or False
    if (n := take(body, "n", int)) not in (None, 1):
        raise BadRequest(f"n is {n}; a request gets one answer here.", "n")
    if "audio" in (take(body, "modalities", list) or ()):
        raise BadRequest("modalities asks for audio; only text is answered here.", "modalities")
    tools, choice, parallel = read_tools(body, notes)
    request = Request(
        tuple(_messages(body, notes)),
        tools,
        read_options(body, notes),
        response_format=read_format(body, notes),
        tool_choice=choice,
        parallel_tools=parallel,
    )
    stream_options = take(body, "stream_options", dict) or {}
    usage = take(stream_options, "include_usage", bool, "stream_options") or False
    note_unread(body, READ, notes)
    return Incoming(
        request,
        model,
        stream,
        tuple(notes),
        include_usage=usage or not stream,
        extra=unread(body, notes, NAME),
    )


def _messages(body: Mapping[str, Any], notes: Notes) -> list[Message]:
    names: dict[str, str] = {}  # id of a call -> name of the tool
    out: list[Message] = []
    need(body, "messages", list)
    for where, item in objects(body, "messages"):
        message = _message(item, where, names, notes)
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        out.append(message)
    if not out:
        raise BadRequest("messages is empty; there is nothing to answer.", "messages")
    return out


def _message(item: Mapping[str, Any], where: str, names: dict[str, str], notes: Notes) -> Message:
    role = need(item, "role", str, where)
    read = READ_OF_MESSAGE | {"name"} if role in RESULTS else READ_OF_MESSAGE
    note_unread(item, read, notes, where)
    match role:
        case "system" | "developer":
            message = text_message("system", read_text(item, where, notes))
            return message if message.text else replace(message, parts=())
        case "user":
            return Message("user", tuple(read_content(item, where, IN_USERS, notes)))
        case "assistant":
            return Message("assistant", tuple(_assistant(item, where, notes)))
        case "tool":
            id = need(item, "tool_call_id", str, where)
            name = take(item, "name", str, where) or names.get(id, "")
            return Message("tool", (ToolResult(id, name, read_text(item, where, notes)),))
        case "function":
            name = need(item, "name", str, where)
            id = next((id for id in reversed(names) if names[id] == name), "")
            return Message("tool", (ToolResult(id, name, read_text(item, where, notes)),))
    raise BadRequest(
        f"{where}.role is {role!r}; the roles are system, developer, user, assistant, tool and "
        "function.",
        f"{where}.role",
    )


def _assistant(item: Mapping[str, Any], where: str, notes: Notes) -> list[Part]:
    parts: list[Part] = []
    thought = take(item, "reasoning_content", str, where) or take(item, "reasoning", str, where)
    if thought:
        parts.append(Thinking(thought))
    parts += read_content(item, where, ("text", "refusal"), notes)
    if refusal := take(item, "refusal", str, where):
        parts.append(Refusal(refusal))
    for place, call in objects(item, "tool_calls", where):
        if "custom" in call:
            raise BadRequest(f"{place} calls a custom tool; only functions are read here.", place)
        function = need(call, "function", dict, place)
        parts.append(_call(need(call, "id", str, place), function, f"{place}.function"))
    if (old := take(item, "function_call", dict, where)) is not None:
        parts.append(_call(f"call_of_{where}", old, f"{where}.function_call"))
    return parts


def _call(id: str, function: Mapping[str, Any], where: str) -> ToolCall:
    arguments = function.get("arguments")
    text = "" if arguments is None else arguments_text(arguments)
    return ToolCall(id, need(function, "name", str, where), text)

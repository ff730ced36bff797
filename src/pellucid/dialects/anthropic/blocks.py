"""Messages of a request that came in: content blocks to parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from ...errors import BadRequest
from ...messages import (
    Media,
    Message,
    Part,
    Role,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from .. import fields
from ..json_text import arguments_text
from ..media import from_base64
from ..narrowing import Notes, note, note_unread
from .narrow import NAME

READ = {
    "text": ("text",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id", "content", "is_error"),
    "image": ("source",),
    "document": ("source", "title"),
    "search_result": ("source", "content"),
}
"""The fields of a block that are understood, by its type."""


def read_messages(body: Mapping[str, Any], notes: Notes) -> tuple[Message, ...]:
    """The system field and the messages. A user turn with tool results is two messages."""
    reader = _Reader(notes)
    out: list[Message] = []
    if body.get("system") is not None:
        out += _message("system", reader.parts(body["system"], "system"))
    if body.get("messages") is None:
        raise BadRequest("messages is missing; it must be a list.", "messages")
    for where, item in fields.objects(body, "messages"):
        role = fields.role(item, where, ("user", "assistant", "system"))
        if item.get("content") is None:
            raise BadRequest(f"{where}.content is missing.", f"{where}.content")
        parts = reader.parts(item["content"], f"{where}.content")
        results = [part for part in parts if isinstance(part, ToolResult)]
        if results and role == "user":
            out += _message("tool", results)
            parts = [part for part in parts if not isinstance(part, ToolResult)]
        out += _message(role, parts)
    return tuple(out)


def _message(role: Role, parts: Sequence[Part]) -> tuple[Message, ...]:
    return (Message(role, tuple(parts)),) if parts else ()


class _Reader:
    """Reads blocks; it remembers which tool each call's id belongs to."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._names: dict[str, str] = {}

    def parts(self, content: object, where: str) -> list[Part]:
        content = fields.text_or_list(content, where)
        if isinstance(content, str):
            return [Text(content)]
        out: list[Part] = []
        for i, block in enumerate(content):
            place = f"{where}[{i}]"
            out += self._block(fields.want(block, dict, place), place)
        return out

    def _block(self, block: Mapping[str, Any], where: str) -> Iterator[Part]:
        kind = fields.need(block, "type", str, where)
        note_unread(block, ("type", *READ.get(kind, block)), self._notes, where)
        match kind:
            case "text":
                yield Text(fields.need(block, "text", str, where))
            case "thinking":
                signature = fields.take(block, "signature", str, where)
                yield Thinking(
                    fields.need(block, "thinking", str, where),
                    Signature(NAME, signature) if signature else None,
                )
            case "redacted_thinking":
                data = fields.need(block, "data", str, where)
                yield Thinking("", Signature(NAME, data), redacted=True)
            case "tool_use":
                call = ToolCall(
                    fields.need(block, "id", str, where),
                    fields.need(block, "name", str, where),
                    arguments_text(fields.need(block, "input", dict, where)),
                )
                self._names[call.id] = call.name
                yield call
            case "tool_result":
                yield self._result(block, where)
            case "image" | "document":
                yield read_media(block, where)
            case "search_result":
                source = fields.need(block, "source", str, where)
                for place, item in fields.objects(block, "content", where):
                    yield Text(fields.need(item, "text", str, place), source)
            case _ if kind == "server_tool_use" or kind.endswith("_tool_result"):
                said = f"{where} is {kind}, of a tool Anthropic ran; it was left out."
                note(self._notes, said, where)
            case _:
                raise BadRequest(f"{where} is a {kind}, which cannot be read here.", where)

    def _result(self, block: Mapping[str, Any], where: str) -> ToolResult:
        id = fields.need(block, "tool_use_id", str, where)
        content = block.get("content") or ""
        parts = self.parts(content, f"{where}.content")
        return ToolResult(
            id,
            self._names.get(id, ""),
            "".join(part.text for part in parts if isinstance(part, Text)),
            fields.take(block, "is_error", bool, where) or False,
            tuple(part for part in parts if isinstance(part, Media)),
        )


def read_media(block: Mapping[str, Any], where: str) -> Media:
    """An image or a document. Raises `BadRequest`: one that was uploaded before is not here."""
    kind: Literal["image", "file"] = "image" if block["type"] == "image" else "file"
    name = fields.take(block, "title", str, where)
    source = fields.need(block, "source", dict, where)
    place = f"{where}.source"
    match source.get("type"):
        case "url":
            url = fields.need(source, "url", str, place)
            return Media(kind, "", url=url, name=name)
        case "base64":
            mime = fields.need(source, "media_type", str, place)
            data = from_base64(fields.need(source, "data", str, place), f"{place}.data")
            return Media(kind, mime, data, name=name)
        case "text":
            text = fields.need(source, "data", str, place)
            return Media("file", "text/plain", text.encode("utf-8", "replace"), name=name)
        case other:
            raise BadRequest(
                f"{place}.type is {other!r}; it is base64, url or text here.", f"{place}.type"
            )

"""The input of a request that came in: items to messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import BadRequest
from ...messages import Media, Message, Part, Refusal, Role, Text, Thinking, ToolCall, ToolResult
from .. import fields
from ..media import from_url
from ..narrowing import Notes, note
from .items import read_phase, signature_of

ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}
HOSTED = ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call")
"""Items of tools that OpenAI runs. Their results are theirs to read."""


def read_input(body: Mapping[str, Any], notes: Notes) -> tuple[Message, ...]:
    """Neighbouring items of the assistant's are one message, and so are those of tools."""
    value = fields.text_or_list(body.get("input"), "input")
    if isinstance(value, str):
        return (Message("user", (Text(value),)),)
    names: dict[str, str] = {}  # id of a call -> name of the tool
    out: list[Message] = []
    for where, item in fields.objects(body, "input"):
        role, parts = _item(item, where, names, notes)
        if not parts:
            continue
        if out and role in ("assistant", "tool") and out[-1].role == role:
            parts = (*out.pop().parts, *parts)
        out.append(Message(role, parts))
    return tuple(out)


def _item(
    item: dict[str, Any], where: str, names: dict[str, str], notes: Notes
) -> tuple[Role, tuple[Part, ...]]:
    kind = fields.take(item, "type", str, where) or "message"
    match kind:
        case "message":
            role = fields.need(item, "role", str, where)
            if role not in ROLES:
                raise BadRequest(
                    f"{where}.role is {role!r}; it can be {', '.join(ROLES)}.", f"{where}.role"
                )
            return ROLES[role], _message(item, where)
        case "function_call":
            call = ToolCall(
                fields.need(item, "call_id", str, where),
                fields.need(item, "name", str, where),
                fields.need(item, "arguments", str, where),
            )
            names[call.id] = call.name
            return "assistant", (call,)
        case "function_call_output":
            return "tool", (_result(item, where, names),)
        case "reasoning":
            return "assistant", _reasoning(item, where)
        case "item_reference":
            raise BadRequest(
                f"{where} refers to an item kept at OpenAI; nothing is kept here: send the item.",
                where,
            )
    if kind in HOSTED or kind.startswith("mcp_"):
        note(notes, f"{where} is a {kind}, of a tool that OpenAI ran; it was left out.", where)
        return "assistant", ()
    raise BadRequest(f"{where} is a {kind}, which cannot be read here.", f"{where}.type")


def _message(item: dict[str, Any], where: str) -> tuple[Part, ...]:
    if item.get("content") is None:
        raise BadRequest(f"{where}.content is missing.", f"{where}.content")
    parts = list(_parts(item, "content", where))
    signature = read_phase(item)
    if parts and signature and isinstance(parts[-1], Text):
        parts[-1] = Text(parts[-1].text, signature=signature)
    return tuple(parts)


def _parts(item: Mapping[str, Any], name: str, where: str) -> Iterator[Part]:
    value = item.get(name)
    if value is None or isinstance(value, str):
        yield from [Text(value)] if value else []
        return
    fields.text_or_list(value, f"{where}.{name}")
    for place, part in fields.objects(item, name, where):
        match fields.need(part, "type", str, place):
            case "input_text" | "output_text" | "text":
                if text := fields.want(part.get("text"), str, f"{place}.text"):
                    yield Text(text)
            case "refusal":
                yield Refusal(fields.need(part, "refusal", str, place))
            case "input_image" | "input_file":
                yield _media(part, place)
            case kind:
                raise BadRequest(f"{place} is a {kind}, which cannot be read here.", place)


def _media(part: Mapping[str, Any], where: str) -> Media:
    if part["type"] == "input_image" and part.get("image_url"):
        url = fields.need(part, "image_url", str, where)
        return from_url("image", url, f"{where}.image_url")
    if part["type"] == "input_file" and part.get("file_url"):
        return Media("file", "", url=fields.need(part, "file_url", str, where))
    if part["type"] == "input_file" and part.get("file_data"):
        media = from_url("file", fields.need(part, "file_data", str, where), f"{where}.file_data")
        if media.data is None:
            raise BadRequest(f"{where}.file_data must be a data URL.", f"{where}.file_data")
        return Media("file", media.mime, media.data, name=fields.take(part, "filename", str, where))
    raise BadRequest(
        f"{where} has no bytes and no address; files uploaded to OpenAI are not here.", where
    )


def _result(item: Mapping[str, Any], where: str, names: dict[str, str]) -> ToolResult:
    id = fields.need(item, "call_id", str, where)
    if item.get("output") is None:
        raise BadRequest(f"{where}.output is missing.", f"{where}.output")
    parts = list(_parts(item, "output", where))
    return ToolResult(
        id,
        names.get(id) or fields.take(item, "name", str, where) or "",
        "".join(part.text for part in parts if isinstance(part, Text)),
        media=tuple(part for part in parts if isinstance(part, Media)),
    )


def _reasoning(item: Mapping[str, Any], where: str) -> tuple[Part, ...]:
    texts = [
        fields.need(part, "text", str, place)
        for name in ("summary", "content")
        for place, part in fields.objects(item, name, where)
    ]
    text = "\n\n".join(texts)
    encrypted = fields.take(item, "encrypted_content", str, where)
    if not encrypted:
        return (Thinking(text),) if text else ()
    id = fields.take(item, "id", str, where)
    return (Thinking(text, signature_of(id, encrypted), redacted=not text),)

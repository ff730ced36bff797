"""What a chat template is given: the messages and tools as the dictionaries templates expect."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from ..errors import UsageError
from ..messages import (
    ROLES,
    Media,
    Message,
    Refusal,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    quoted,
)
from .fence import Writer
from .values import Origin


def template_variables(
    request: Request,
    writer: Writer,
    *,
    generation: bool,
    bos: str,
    eos: str,
    parsed: bool = True,
) -> dict[str, Any]:
    """The variables of a rendering, their texts handed over by `writer`.

    The arguments of tool calls are mappings, as most templates expect; with `parsed` false they
    are JSON texts.

    Raises `UsageError` for images and other media: no chat template here takes them.
    """
    messages: list[dict[str, Any]] = []
    for m, message in enumerate(request.messages):
        messages.extend(_entries(m, message, writer, parsed))
    return {
        "messages": messages,
        "tools": [_tool(t, tool, writer) for t, tool in enumerate(request.tools)] or None,
        "documents": None,
        "add_generation_prompt": generation,
        "bos_token": bos,
        "eos_token": eos,
    }


@lru_cache(maxsize=4096)
def message_origin(m: int, p: int) -> Origin:
    return Origin("message", m, p)


def content_texts(m: int, message: Message) -> list[tuple[str, Origin]]:
    """The text parts of message `m` as they are written, and the origin of each."""
    parts = [(p, part) for p, part in enumerate(message.parts) if isinstance(part, Text | Refusal)]
    out = []
    for n, (p, part) in enumerate(parts):
        if isinstance(part, Refusal) or part.source is None:
            out.append((part.text, message_origin(m, p)))
        else:
            before, after = "\n\n" * (n > 0), "\n\n" * (n < len(parts) - 1)
            out.append((before + quoted(part) + after, Origin("passage", m, p)))
    return out


def refuse_media(m: int, message: Message) -> None:
    """Raise `UsageError` for a message with an image, a sound or a file."""
    for part in message.parts:
        if isinstance(part, Media):
            name = f" ({part.name})" if part.name else ""
            raise UsageError(
                f"Message {m} holds media of the kind {part.kind}{name}; this model reads text "
                "only. Leave it out, or choose a model that takes it."
            )


def _entries(m: int, message: Message, writer: Writer, parsed: bool) -> list[dict[str, Any]]:
    """Message `m` as the template sees it: one entry for each tool result, one for the rest."""
    if message.role not in ROLES:  # it becomes a word of the scaffold
        raise UsageError(
            f"Message {m} has the role {message.role!r}; known are {', '.join(ROLES)}."
        )
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].source is None:  # nearly all
        text = writer.text(parts[0].text, message_origin(m, 0))
        return [{"role": message.role, "content": text}]
    refuse_media(m, message)
    entries: list[dict[str, Any]] = []
    thinking: list[str] = []
    calls: list[dict[str, Any]] = []
    for p, part in enumerate(message.parts):
        origin = message_origin(m, p)
        match part:
            case ToolResult():
                entries.append(_result(part, origin, writer))
            case Thinking():
                thinking.append(writer.text(part.text, origin))
            case ToolCall():
                calls.append(_call(part, origin, writer, parsed))
    content = "".join(writer.text(text, origin) for text, origin in content_texts(m, message))
    if entries and not (content or thinking or calls):
        return entries
    entry: dict[str, Any] = {"role": message.role, "content": content}
    if thinking:
        entry["reasoning_content"] = "".join(thinking)
    if calls:
        entry["tool_calls"] = calls
    return [*entries, entry]


def _result(part: ToolResult, origin: Origin, writer: Writer) -> dict[str, Any]:
    entry: dict[str, Any] = {"role": "tool", "content": writer.text(part.text, origin)}
    if part.name:
        entry["name"] = writer.text(part.name, origin)
    if part.id:
        entry["tool_call_id"] = writer.word(part.id)
    return entry


def _call(part: ToolCall, origin: Origin, writer: Writer, parsed: bool) -> dict[str, Any]:
    try:
        value = json.loads(part.arguments) if parsed else None
    except (ValueError, RecursionError):
        value = None
    arguments: Any
    if isinstance(value, dict):
        arguments = writer.json(value, origin)
    else:
        arguments = writer.text(part.arguments, origin)
    return {
        "id": writer.word(part.id),
        "type": "function",
        "function": {"name": writer.text(part.name, origin), "arguments": arguments},
    }


def _tool(t: int, tool: ToolSpec, writer: Writer) -> dict[str, Any]:
    schema = {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters) or {"type": "object", "properties": {}},
        },
    }
    return writer.json(schema, Origin("tool", tool=t))

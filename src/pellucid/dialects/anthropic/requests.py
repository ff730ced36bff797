"""Requests of the Messages API, written.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from typing import Any

from ...messages import (
    Media,
    Message,
    Options,
    Part,
    Request,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from ..base import Outgoing
from ..json_text import arguments_object, drop_none
from ..media import base64_text
from ..narrowing import Notes
from .narrow import API, narrow

COUNT_PATH = "messages/count_tokens"


def encode_request(
    request: Request, model: str, *, stream: bool, traits: frozenset[str] = frozenset()
) -> Outgoing:
    """The body for `POST messages`; `TRAITS` says what a host may differ in.

    Raises `CannotExpress`.
    """
    notes: Notes = {}
    request = narrow(request, traits, notes)
    options = request.options
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": options.max_tokens,
        **_conversation(request.messages),
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "stop_sequences": list(options.stop) or None,
        "thinking": _thinking(options),
        "output_config": _output_config(request) or None,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request),
        "stream": stream or None,
    }
    return Outgoing("messages", drop_none(body), tuple(notes))


def encode_count_request(
    request: Request, model: str, *, traits: frozenset[str] = frozenset()
) -> Outgoing:
    """The body that asks how many tokens the prompt of `request` has. Raises `CannotExpress`."""
    outgoing = encode_request(request, model, stream=False, traits=traits)
    for name in ("max_tokens", "temperature", "top_p", "top_k", "stop_sequences"):
        outgoing.body.pop(name, None)
    return Outgoing(COUNT_PATH, outgoing.body)


def _conversation(messages: tuple[Message, ...]) -> dict[str, Any]:
    """The fields `system` and `messages` of a narrowed conversation."""
    system: list[dict[str, Any]] | None = None
    turns: list[dict[str, Any]] = []
    for message in messages:
        blocks = [_block(part) for part in message.parts]
        if message.role == "system" and not turns:
            system = blocks
        elif message.role == "user" and turns and turns[-1]["role"] == "user":
            turns[-1]["content"] += blocks  # its tool results stand first
        else:
            role = "user" if message.role == "tool" else message.role
            turns.append({"role": role, "content": blocks})
    for turn in turns:
        turn["content"] = _short(turn["content"])
    return {"system": _short(system) if system else None, "messages": turns}


def _short(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        text: str = blocks[0]["text"]
        return text
    return blocks


def _block(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Thinking(_, Signature(_, data), True):
            return {"type": "redacted_thinking", "data": data}
        case Thinking(text, Signature(_, data)):
            return {"type": "thinking", "thinking": text, "signature": data}
        case ToolCall(id, name, arguments):
            value = arguments_object(arguments, API)
            return {"type": "tool_use", "id": id, "name": name, "input": value}
        case ToolResult(id, _, text, failed, media):
            content: str | list[dict[str, Any]] = text
            if media:
                content = [{"type": "text", "text": text}] if text else []
                content += [_media_block(item) for item in media]
            block = {"type": "tool_result", "tool_use_id": id, "content": content}
            return {**block, "is_error": True} if failed else block
        case Media():
            return _media_block(part)
    raise AssertionError(f"{part} is not narrowed")


def _media_block(media: Media) -> dict[str, Any]:
    if media.data is None:
        source = {"type": "url", "url": media.url}
    elif media.mime == "text/plain":
        source = {"type": "text", "media_type": media.mime, "data": media.data.decode()}
    else:
        source = {"type": "base64", "media_type": media.mime, "data": base64_text(media.data)}
    kind = "image" if media.kind == "image" else "document"
    block: dict[str, Any] = {"type": kind, "source": source}
    return {**block, "title": media.name} if media.name else block


def _thinking(options: Options) -> dict[str, Any] | None:
    if options.effort == "none":
        return {"type": "disabled"}
    if options.thinking_tokens is not None:
        budget = options.thinking_tokens
        return {"type": "enabled", "budget_tokens": budget, "display": "summarized"}
    return {"type": "adaptive", "display": "summarized"} if options.effort else None


def _output_config(request: Request) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if request.options.effort not in (None, "none"):
        config["effort"] = request.options.effort
    if request.response_format:
        config["format"] = {"type": "json_schema", "schema": request.response_format.schema}
    return config


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return drop_none(
        {
            "name": tool.name,
            "description": tool.description or None,
            "input_schema": dict(tool.parameters),
            "strict": tool.strict or None,
        }
    )


def _tool_choice(request: Request) -> dict[str, Any] | None:
    choice, parallel = request.tool_choice, request.parallel_tools
    if choice == "auto" and parallel is None:
        return None
    value: dict[str, Any] = {"type": {"required": "any"}.get(choice, choice)}
    if choice not in ("auto", "none", "required"):
        value = {"type": "tool", "name": choice}
    return value if parallel is None else {**value, "disable_parallel_tool_use": not parallel}

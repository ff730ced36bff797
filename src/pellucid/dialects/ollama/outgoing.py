"""Requests of Ollama's `POST /api/chat`, written. https://docs.ollama.com/api/chat"""

from __future__ import annotations

from typing import Any

from ...messages import (
    Media,
    Message,
    Options,
    Request,
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


def encode_request(
    request: Request, model: str, *, stream: bool, traits: frozenset[str] = frozenset()
) -> Outgoing:
    """The body for `POST /api/chat`. Raises `CannotExpress`.

    Ollama is told to refuse a prompt that does not fit, not to shorten it in silence; versions
    that do not know these two fields pass over them.
    """
    notes: Notes = {}
    request = narrow(request, notes)
    body = {
        "messages": [_message(message) for message in request.messages],
        "tools": [_tool(tool) for tool in request.tools] or None,
        **common_fields(request, stream),
    }
    return Outgoing("api/chat", {"model": model, **drop_none(body)}, tuple(notes))


def common_fields(request: Request, stream: bool) -> dict[str, Any]:
    """The fields that `/api/chat` and `/api/generate` share."""
    options, answer = request.options, request.response_format
    schema = answer and answer.schema
    return {
        "stream": stream,
        "format": None if answer is None else "json" if schema is None else schema,
        "think": {None: None, "none": False}.get(options.effort, options.effort),
        "logprobs": True if options.alternatives is not None else None,
        "top_logprobs": options.alternatives or None,
        "options": _options(options) or None,
        "truncate": False,
        "shift": False,
    }


def _options(options: Options) -> dict[str, Any]:
    return drop_none(
        {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "top_k": options.top_k,
            "min_p": options.min_p,
            "num_predict": options.max_tokens,
            "seed": options.seed,
            "stop": list(options.stop) or None,
            "frequency_penalty": options.frequency_penalty,
            "presence_penalty": options.presence_penalty,
        }
    )


def _tool(tool: ToolSpec) -> dict[str, Any]:
    description = {"description": tool.description} if tool.description else {}
    function = {"name": tool.name, **description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _message(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role, "content": ""}
    for part in message.parts:
        match part:
            case Text(text):
                out["content"] = text
            case Thinking(text):
                out["thinking"] = text
            case Media():
                out.setdefault("images", []).append(image_text(part))
            case ToolCall():
                out.setdefault("tool_calls", []).append(call(part))
            case ToolResult(id, name, text, _, media):
                out |= {"content": text, "tool_name": name, "tool_call_id": id}
                if media:
                    out["images"] = [image_text(item) for item in media]
    return out


def image_text(media: Media) -> str:
    return base64_text(media.data or b"")


def call(part: ToolCall) -> dict[str, Any]:
    arguments = arguments_object(part.arguments, API)
    return {"id": part.id, "function": {"name": part.name, "arguments": arguments}}

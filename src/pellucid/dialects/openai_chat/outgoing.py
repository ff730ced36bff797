"""Requests as a client of Chat Completions writes them."""

from __future__ import annotations

from typing import Any

from ...messages import (
    Media,
    Message,
    Options,
    Refusal,
    Request,
    ResponseFormat,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from ..base import Outgoing
from ..json_text import drop_none
from ..media import base64_text, media_url
from .narrow import AUDIO, is_plain, narrowed

NO_TRAITS: frozenset[str] = frozenset()


def encode_request(
    request: Request, model: str, *, stream: bool, traits: frozenset[str] = NO_TRAITS
) -> Outgoing:
    """Raises `CannotExpress`. `traits` are some of `TRAITS`."""
    request, notes = narrowed(request, traits)
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in request.messages],
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body |= _choice(request)
    if request.response_format is not None:
        body["response_format"] = _format(request.response_format)
    body |= _options(request.options, "max_tokens" in traits)
    body["stream"] = stream
    if stream and "no_stream_options" not in traits:
        body["stream_options"] = {"include_usage": True}
    return Outgoing("chat/completions", body, notes)


def _message(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role}
    if is_plain(message):
        return {**out, "content": message.text}
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    if any(isinstance(part, Media) for part in message.parts):
        out["content"] = [_content(part) for part in message.parts]
    else:
        out["content"] = "".join(texts)
    for part in message.parts:
        match part:
            case ToolResult(id=id, text=text):
                out |= {"tool_call_id": id, "content": text}
            case Refusal(text):
                out["refusal"] = text
            case Thinking(text):
                out["reasoning_content"] = text
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        out["tool_calls"] = calls
    if not texts and (calls or "refusal" in out):
        out["content"] = None
    return out


def _content(part: object) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Media(kind="image"):
            return {"type": "image_url", "image_url": {"url": media_url(part)}}
        case Media(kind="audio", mime=mime, data=bytes(data)):
            sound = {"data": base64_text(data), "format": AUDIO[mime]}
            return {"type": "input_audio", "input_audio": sound}
        case Media():
            file = {"filename": part.name, "file_data": media_url(part)}
            return {"type": "file", "file": drop_none(file)}
    raise AssertionError(f"{part} was not narrowed away")


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = dict(tool.parameters)
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _choice(request: Request) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if request.tool_choice in ("none", "required"):
        out["tool_choice"] = request.tool_choice
    elif request.tool_choice != "auto":
        out["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice}}
    if request.parallel_tools is not None:
        out["parallel_tool_calls"] = request.parallel_tools
    return out


def _format(form: ResponseFormat) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    schema = {"name": form.name, "schema": dict(form.schema), "strict": form.strict}
    return {"type": "json_schema", "json_schema": schema}


def _options(options: Options, old_bound: bool) -> dict[str, Any]:
    out = {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "min_p": options.min_p,
        "max_tokens" if old_bound else "max_completion_tokens": options.max_tokens,
        "seed": options.seed,
        "stop": list(options.stop) or None,
        "frequency_penalty": options.frequency_penalty,
        "presence_penalty": options.presence_penalty,
        "reasoning_effort": options.effort,
        "logprobs": None if options.alternatives is None else True,
        "top_logprobs": options.alternatives or None,
    }
    return drop_none(out)

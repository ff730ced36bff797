"""Requests of the Gemini API, written. https://ai.google.dev/api/generate-content"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

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


def encode_request(
    request: Request, model: str, *, stream: bool, traits: frozenset[str] = frozenset()
) -> Outgoing:
    """The body for `generateContent`, or for `streamGenerateContent` as server-sent events.

    Traits of models: `thinking-budget` (takes a budget for thinking and no level, as Gemini 2.5),
    `thoughts` (thinks, so its thoughts are asked for), `signed-calls` (takes no call without a
    signature, as Gemini 3). Raises `CannotExpress`.
    """
    notes: Notes = {}
    body = _body(narrow(request, traits, notes), traits)
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Outgoing(f"{resource(model)}:{method}", body, tuple(notes))


def encode_count_request(
    request: Request, model: str, *, traits: frozenset[str] = frozenset()
) -> Outgoing:
    """The body that asks how many tokens the prompt of `request` has. Raises `CannotExpress`."""
    body = _body(narrow(request, traits, {}), traits)
    body.pop("generationConfig", None)
    asked = {"model": resource(model), **body}
    return Outgoing(f"{resource(model)}:countTokens", {"generateContentRequest": asked})


def resource(model: str) -> str:
    """A model as paths name it: `models/gemini-2.5-flash`."""
    return quote(model if model.startswith(("models/", "tunedModels/")) else f"models/{model}")


def _body(request: Request, traits: frozenset[str]) -> dict[str, Any]:
    messages = list(request.messages)
    system = messages.pop(0) if messages[0].role == "system" else None
    tools = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
    return drop_none(
        {
            "contents": [_content(message) for message in messages],
            "systemInstruction": system and {"parts": [_part(part) for part in system.parts]},
            "tools": tools if request.tools else None,
            "toolConfig": _tool_config(request),
            "generationConfig": _generation_config(request, traits) or None,
        }
    )


def _content(message: Message) -> dict[str, Any]:
    role = "model" if message.role == "assistant" else "user"
    return {"role": role, "parts": [_part(part) for part in message.parts]}


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text, _, signature):
            return {"text": text, **signed(signature)}
        case Thinking(text, signature):
            return {"text": text, "thought": True, **signed(signature)}
        case ToolCall(id, name, arguments, signature):
            call = {"id": id, "name": name, "args": arguments_object(arguments, API)}
            return {"functionCall": call, **signed(signature)}
        case ToolResult(id, name, text, failed, media):
            response = {"error" if failed else "output": text}
            result: dict[str, Any] = {"id": id, "name": name, "response": response}
            if media:
                result["parts"] = [media_part(item) for item in media]
            return {"functionResponse": result}
        case Media():
            return media_part(part)
    raise AssertionError(f"{part} is not narrowed")


def signed(signature: Signature | None) -> dict[str, str]:
    return {"thoughtSignature": signature.data} if signature else {}


def media_part(media: Media) -> dict[str, Any]:
    kind = {"mimeType": media.mime} if media.mime else {}
    if media.data is None:
        return {"fileData": {**kind, "fileUri": media.url}}
    return {"inlineData": {**kind, "data": base64_text(media.data)}}


def _declaration(tool: ToolSpec) -> dict[str, Any]:
    return drop_none(
        {
            "name": tool.name,
            "description": tool.description or None,
            "parametersJsonSchema": dict(tool.parameters) or None,
        }
    )


def _tool_config(request: Request) -> dict[str, Any] | None:
    config: dict[str, Any]
    match request.tool_choice:
        case "auto":
            if not (request.tools and request.tools[0].strict):
                return None
            config = {"mode": "VALIDATED"}
        case "none":
            config = {"mode": "NONE"}
        case "required":
            config = {"mode": "ANY"}
        case name:
            config = {"mode": "ANY", "allowedFunctionNames": [name]}
    return {"functionCallingConfig": config}


def _generation_config(request: Request, traits: frozenset[str]) -> dict[str, Any]:
    options, answer = request.options, request.response_format
    return drop_none(
        {
            "temperature": options.temperature,
            "topP": options.top_p,
            "topK": options.top_k,
            "maxOutputTokens": options.max_tokens,
            "seed": options.seed,
            "stopSequences": list(options.stop) or None,
            "presencePenalty": options.presence_penalty,
            "frequencyPenalty": options.frequency_penalty,
            "responseLogprobs": True if options.alternatives is not None else None,
            "logprobs": options.alternatives or None,
            "responseMimeType": "application/json" if answer else None,
            "responseJsonSchema": answer and answer.schema,
            "thinkingConfig": _thinking_config(options, traits) or None,
        }
    )


def _thinking_config(options: Options, traits: frozenset[str]) -> dict[str, Any]:
    if options.effort == "none":
        return {"thinkingBudget": 0}
    thinks = options.effort or options.thinking_tokens or "thoughts" in traits
    return drop_none(
        {
            "thinkingLevel": options.effort and options.effort.upper(),
            "thinkingBudget": options.thinking_tokens,
            "includeThoughts": True if thinks else None,
        }
    )

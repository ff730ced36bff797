"""Requests of the Gemini API, read. Names of fields in camelCase and in snake_case are one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from ...errors import BadRequest
from ...messages import (
    Effort,
    Media,
    Message,
    Options,
    Part,
    Request,
    ResponseFormat,
    Role,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from .. import fields
from ..base import Incoming
from ..json_text import arguments_text
from ..media import from_base64, kind_of
from ..narrowing import Notes, note, note_unread, unread
from ..tool_calls import link
from .narrow import NAME, join_turns
from .schemas import json_schema

PATH = re.compile(r"((?:tunedM|m)odels/[^:?]+):(\w+)")
OPTIONS = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_tokens",
    "seed": "seed",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
READ = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model")
READ_CONFIG = (
    *OPTIONS,
    *("stopSequences", "responseLogprobs", "logprobs", "thinkingConfig", "candidateCount"),
    *("responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities"),
)
"""The fields that are understood; all others are told of in a note."""
EFFORTS: dict[str, Effort] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "high",
}
_SNAKE = re.compile(r"_([a-z0-9])")


def camel(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object of the API with the names of its own fields in camelCase."""
    return {_SNAKE.sub(lambda m: m[1].upper(), key): item for key, item in value.items()}


def decode_request(body: Mapping[str, Any], path: str = "") -> Incoming:
    """A request for an answer or, at a path that ends in `:countTokens`, for a count.

    `path` names the model and the method. Raises `BadRequest` naming the field.
    """
    model, method = read_path(path)
    body = camel(body)
    if method == "countTokens":
        body = camel(fields.take(body, "generateContentRequest", dict) or body)
    if body.get("cachedContent") is not None:
        raise BadRequest(
            "cachedContent is kept by Google and cannot be read here: send the content itself.",
            "cachedContent",
        )
    notes: Notes = {}
    note_unread(body, READ, notes)
    tools = _tools(body, notes)
    choice, tools = _tool_choice(body, tools, notes)
    config = camel(fields.take(body, "generationConfig", dict) or {})
    note_unread(config, READ_CONFIG, notes, "generationConfig")
    request = Request(
        _messages(body, notes),
        tools,
        _options(config, notes),
        response_format=_response_format(config),
        tool_choice=choice,
    )
    stream, extra = method == "streamGenerateContent", unread(body, notes, NAME)
    return Incoming(request, model, stream, tuple(notes), extra=extra)


def read_path(path: str) -> tuple[str, str]:
    """The model and the method that a path names. Raises `BadRequest`."""
    found = PATH.search(path)
    if found is None:
        raise BadRequest(f"The path {path!r} names no model: .../models/NAME:generateContent.")
    return unquote(found[1]).removeprefix("models/"), found[2]


def _messages(body: Mapping[str, Any], notes: Notes) -> tuple[Message, ...]:
    out: list[Message] = []
    instruction = body.get("systemInstruction")
    if isinstance(instruction, str):
        instruction = {"parts": [{"text": instruction}]}
    if instruction is not None:
        content = fields.want(instruction, dict, "systemInstruction")
        _add(out, "system", _parts(content, "systemInstruction", notes))
    for where, content in fields.objects(body, "contents"):
        role = fields.take(content, "role", str, where) or "user"
        if role not in ("user", "model", "function", "tool"):
            raise BadRequest(f"{where}.role is {role!r}; it is user or model.", f"{where}.role")
        parts = _parts(content, where, notes)
        if role == "model":
            _add(out, "assistant", parts)
        else:
            _add(out, "tool", [part for part in parts if isinstance(part, ToolResult)])
            _add(out, "user", [part for part in parts if not isinstance(part, ToolResult)])
    if not any(message.role != "system" for message in out):
        raise BadRequest("contents is missing or empty.", "contents")
    return link(tuple(join_turns(out)))


def _add(messages: list[Message], role: Role, parts: list[Part]) -> None:
    if parts:
        messages.append(Message(role, tuple(parts)))


def _parts(content: Mapping[str, Any], where: str, notes: Notes) -> list[Part]:
    found = (
        _part(camel(item), place, notes) for place, item in fields.objects(content, "parts", where)
    )
    return [part for part in found if part is not None]


def _part(part: Mapping[str, Any], where: str, notes: Notes) -> Part | None:
    data = fields.take(part, "thoughtSignature", str, where)
    signature = Signature(NAME, data) if data else None
    if part.get("text") is not None:
        text = fields.need(part, "text", str, where)
        if fields.take(part, "thought", bool, where):
            return Thinking(text, signature)
        return Text(text, signature=signature) if text or signature else None
    if part.get("inlineData") is not None or part.get("fileData") is not None:
        return _media(part, where)
    if part.get("functionCall") is not None:
        call = camel(fields.need(part, "functionCall", dict, where))
        place = f"{where}.functionCall"
        return ToolCall(
            fields.take(call, "id", str, place) or "",
            fields.need(call, "name", str, place),
            arguments_text(fields.take(call, "args", dict, place) or {}),
            signature,
        )
    if part.get("functionResponse") is not None:
        return _result(camel(fields.need(part, "functionResponse", dict, where)), where)
    if signature:
        return Text("", signature=signature)
    note(notes, f"{where} holds {', '.join(part) or 'nothing'}, which was left out.", where)
    return None


def _result(result: Mapping[str, Any], where: str) -> ToolResult:
    """What a function gave: under `output` or `error`, under the libraries' `result`, or bare."""
    place = f"{where}.functionResponse"
    response = fields.take(result, "response", dict, place) or {}
    said: object = response
    if len(response) == 1:
        (key,) = response
        said = response[key] if key in ("output", "error", "result") else response
    media = (_media(camel(item), at) for at, item in fields.objects(result, "parts", place))
    return ToolResult(
        fields.take(result, "id", str, place) or "",
        fields.need(result, "name", str, place),
        arguments_text(said),
        failed=list(response) == ["error"],
        media=tuple(media),
    )


def _media(part: Mapping[str, Any], where: str) -> Media:
    if part.get("inlineData") is not None:
        place = f"{where}.inlineData"
        blob = camel(fields.need(part, "inlineData", dict, where))
        mime = fields.need(blob, "mimeType", str, place)
        data = fields.need(blob, "data", str, place)
        return Media(kind_of(mime), mime, any_base64(data, f"{place}.data"))
    place = f"{where}.fileData"
    file = camel(fields.need(part, "fileData", dict, where))
    mime = fields.take(file, "mimeType", str, place) or ""
    return Media(kind_of(mime), mime, url=fields.need(file, "fileUri", str, place))


def any_base64(text: str, where: str) -> bytes:
    """Base64 in either alphabet, padded or not: JSON of protocol buffers allows all of it."""
    text = text.replace("-", "+").replace("_", "/").rstrip("=\n")
    return from_base64(text + "=" * (-len(text) % 4), where)


def _tools(body: Mapping[str, Any], notes: Notes) -> tuple[ToolSpec, ...]:
    out: list[ToolSpec] = []
    for where, tool in fields.objects(body, "tools"):
        tool = camel(tool)
        for name in tool:
            if name != "functionDeclarations":
                note(notes, f"{where}.{name} is a tool that Google runs; it was left out.", where)
        for place, item in fields.objects(tool, "functionDeclarations", where):
            item = camel(item)
            schema = fields.take(item, "parametersJsonSchema", dict, place)
            if schema is None:
                schema = json_schema(fields.take(item, "parameters", dict, place) or {})
            name = fields.need(item, "name", str, place)
            out.append(ToolSpec(name, fields.take(item, "description", str, place) or "", schema))
    return tuple(out)


def _tool_choice(
    body: Mapping[str, Any], tools: tuple[ToolSpec, ...], notes: Notes
) -> tuple[str, tuple[ToolSpec, ...]]:
    where = "toolConfig.functionCallingConfig"
    tool_config = camel(fields.take(body, "toolConfig", dict) or {})
    config = camel(fields.take(tool_config, "functionCallingConfig", dict, "toolConfig") or {})
    mode = (fields.take(config, "mode", str, where) or "AUTO").upper()
    allowed = fields.take(config, "allowedFunctionNames", list, where) or []
    match mode:
        case "AUTO" | "MODE_UNSPECIFIED":
            return "auto", tools
        case "NONE":
            return "none" if tools else "auto", tools
        case "VALIDATED":
            return "auto", tuple(replace(tool, strict=True) for tool in tools)
        case "ANY" if not tools:
            return "auto", tools
        case "ANY" if not allowed:
            return "required", tools
        case "ANY":
            kept = tuple(tool for tool in tools if tool.name in allowed)
            if len(kept) < len(set(allowed)):
                place = f"{where}.allowedFunctionNames"
                raise BadRequest(f"{place} has a name that is no tool's.", place)
            if len(kept) == 1:
                return kept[0].name, tools
            note(notes, "Tools that are not among allowedFunctionNames were left out.")
            return "required", kept
    raise BadRequest(
        f"{where}.mode is {mode!r}; it is AUTO, ANY, NONE or VALIDATED.", f"{where}.mode"
    )


def _options(config: Mapping[str, Any], notes: Notes) -> Options:
    where = "generationConfig"
    if (fields.take(config, "candidateCount", int, where) or 1) > 1:
        place = f"{where}.candidateCount"
        raise BadRequest(f"{place} must be 1: one answer at a time is given here.", place)
    for word in fields.take(config, "responseModalities", list, where) or []:
        if str(word).upper() != "TEXT":
            note(notes, f"{where}.responseModalities: {word} is for the model to choose.")
    values = {
        ours: fields.option(ours, config.get(name), f"{where}.{name}")
        for name, ours in OPTIONS.items()
    }
    stop = fields.take(config, "stopSequences", list, where) or []
    effort, budget = _thinking(config, notes)
    return Options(
        **values,
        stop=tuple(
            fields.want(text, str, f"{where}.stopSequences[{i}]") for i, text in enumerate(stop)
        ),
        alternatives=_alternatives(config),
        effort=effort,
        thinking_tokens=budget,
    )


def _alternatives(config: Mapping[str, Any]) -> int | None:
    if not fields.take(config, "responseLogprobs", bool, "generationConfig"):
        return None
    count = config.get("logprobs") or 0
    number: int = fields.option("alternatives", count, "generationConfig.logprobs")
    return number


def _thinking(config: Mapping[str, Any], notes: Notes) -> tuple[Effort | None, int | None]:
    where = "generationConfig.thinkingConfig"
    thinking = camel(fields.take(config, "thinkingConfig", dict, "generationConfig") or {})
    budget = fields.take(thinking, "thinkingBudget", int, where)
    level = (fields.take(thinking, "thinkingLevel", str, where) or "").upper()
    if level and level not in EFFORTS and level != "THINKING_LEVEL_UNSPECIFIED":
        raise BadRequest(
            f"{where}.thinkingLevel is {level}; it is one of {', '.join(EFFORTS)}.",
            f"{where}.thinkingLevel",
        )
    if level == "XHIGH":
        note(notes, f"{where}.thinkingLevel XHIGH is not known here: high is the most.")
    if budget == 0:
        return "none", None
    if budget is not None and budget < 0:  # -1: the model chooses
        budget = None
    return EFFORTS.get(level), fields.option("thinking_tokens", budget, f"{where}.thinkingBudget")


def _response_format(config: Mapping[str, Any]) -> ResponseFormat | None:
    where = "generationConfig"
    mime = fields.take(config, "responseMimeType", str, where) or "text/plain"
    schema = fields.take(config, "responseJsonSchema", dict, where)
    if schema is None and (given := fields.take(config, "responseSchema", dict, where)):
        schema = json_schema(given)
    if mime == "application/json" or (schema is not None and mime == "text/plain"):
        return ResponseFormat(schema)
    if mime != "text/plain":
        place = f"{where}.responseMimeType"
        raise BadRequest(f"{place} is {mime}; it is text/plain or application/json.", place)
    return None

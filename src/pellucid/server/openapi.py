"""The OpenAPI document of the server, made of its routes. https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

from typing import Any

from .. import __version__
from ..dialects import openai_speech, openai_transcription
from ..dialects.form import MEDIA as FORMS
from . import gemini, own, stored
from .routes import all_routes, face
from .visit import Handler, Route

PAGES = {
    "openai": "https://platform.openai.com/docs/api-reference",
    "anthropic": "https://platform.claude.com/docs/en/api",
    "gemini": "https://ai.google.dev/api",
    "ollama": "https://docs.ollama.com/api",
}
ENDS: dict[Handler, tuple[str, ...]] = {
    gemini.call: (
        ":generateContent",
        ":streamGenerateContent",
        ":countTokens",
        ":embedContent",
        ":batchEmbedContents",
    ),
    stored.retrieve: ("", "/input_items"),
}
"""What may follow the name, where one open-ended route answers for several."""
REQUIRED = {
    "/chat/completions": ("model", "messages"),
    "/completions": ("model", "prompt"),
    "/responses": ("model", "input"),
    "/input_tokens": ("model", "input"),
    "/embeddings": ("model", "input"),
    "/images/generations": ("prompt",),
    "/audio/speech": ("model", "input", "voice"),
    "/audio/transcriptions": ("model", "file"),
    "/v1/messages": ("model", "messages", "max_tokens"),
    "/v1/messages/count_tokens": ("model", "messages"),
    ":generateContent": ("contents",),
    ":streamGenerateContent": ("contents",),
    ":embedContent": ("content",),
    ":batchEmbedContents": ("requests",),
    "/api/chat": ("model",),
    "/api/generate": ("model",),
    "/api/embed": ("model", "input"),
    "/api/embeddings": ("model", "prompt"),
    "/tokenize": ("content",),
    "/detokenize": ("tokens",),
    "/apply-template": ("messages",),
}
"""Fields without which a request is refused, by the end of its path."""
ANSWERS = {
    "/": ("That it runs.", {"text": "text/plain; charset=utf-8"}),
    "/audio/speech": ("The sound.", openai_speech.FORMATS),
    "/audio/transcriptions": ("What was said.", openai_transcription.FORMATS),
}
"""Answers that are not always JSON, and the media types they can have."""
TEXT = {"type": "string"}
TEXT_OR_LIST = {"type": ["string", "array"]}
PARTS = {"type": "array", "items": {"type": "object", "properties": {"text": TEXT}}}
CONTENT = {"type": "object", "properties": {"role": TEXT, "parts": PARTS}}


def _messages(*roles: str, content: dict[str, Any] = TEXT_OR_LIST) -> dict[str, Any]:
    fields = {"role": {"enum": list(roles)}, "content": content}
    one = {"type": "object", "required": ["role"], "properties": fields}
    return {"type": "array", "minItems": 1, "items": one}


TYPES: dict[str, dict[str, Any]] = {
    "model": TEXT,
    "messages": _messages(
        *("system", "developer", "user", "assistant", "tool", "function"),
        content={"type": ["string", "array", "null"]},  # null beside calls of tools
    ),
    "/v1/messages messages": _messages("system", "user", "assistant"),
    "/v1/messages/count_tokens messages": _messages("system", "user", "assistant"),
    "input": TEXT_OR_LIST,
    "/audio/speech input": TEXT,
    "/completions prompt": TEXT_OR_LIST,
    "/images/generations prompt": TEXT,
    "/api/embeddings prompt": TEXT,
    "tokens": {"type": "array", "items": {"type": "integer"}},
    "max_tokens": {"type": "integer", "minimum": 1},
    "contents": {"type": "array", "items": CONTENT},
    "requests": {"type": "array", "items": {"type": "object", "properties": {"content": CONTENT}}},
    "/tokenize content": TEXT,
    ":embedContent content": CONTENT,
    "file": {"type": "string", "format": "binary"},
}
"""Of fields, by their names; with the end of a path before it, where APIs differ."""


def document() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in all_routes():
        named = route.path.endswith("*")
        start = f"{route.path.removesuffix('*')}{{name}}" if named else route.path
        for end in ENDS.get(route.handler, ("",)):
            path = start + end
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, named)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pellucid", "version": __version__},
        "paths": paths,
    }


def _operation(route: Route, path: str, named: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "operationId": f"{route.method.lower()} {path}",
        "responses": {
            "200": _answer(path),
            "default": {"description": "An error in the shape of the API."},
        },
    }
    if route not in own.ROUTES:  # whose face is OpenAI's, but for errors alone
        out["externalDocs"] = {"url": PAGES[face(route.method, path, {}).host]}
    if named:
        out["parameters"] = [
            {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    if route.method == "POST":
        schema = {"type": "object", **_fields(path)}
        media = FORMS if path.endswith("/transcriptions") else "application/json"
        out["requestBody"] = {"required": True, "content": {media: {"schema": schema}}}
    return out


def _answer(path: str) -> dict[str, Any]:
    for end, (what, formats) in ANSWERS.items():
        if path.endswith(end):
            return {"description": what, "content": {media: {} for media in formats.values()}}
    return {"description": "The answer, as JSON or as a stream."}


def _fields(path: str) -> dict[str, Any]:
    ends = [end for end in REQUIRED if path.endswith(end)]
    if not ends:
        return {}
    end = max(ends, key=len)
    required = REQUIRED[end]
    return {
        "required": list(required),
        "properties": {
            name: TYPES.get(f"{end} {name}") or TYPES.get(name, {}) for name in required
        },
    }

"""Which face and handler a path means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import chain

from ..dialects.base import Failure
from . import anthropic, gemini, ollama, openai, own
from .visit import Face, Route

PREFIXES = (
    ("/v1/messages", anthropic.FACE),
    ("/v1beta/openai/", openai.FACE),
    ("/v1beta/", gemini.FACE),
    ("/api/", ollama.FACE),
)
"""Whose API a path belongs to, also one that has no route."""
MODELS = "/v1/models"
"""Where three APIs have their lists of models; their clients' headers differ."""


@cache
def all_routes() -> tuple[Route, ...]:
    faces = (openai, anthropic, gemini, ollama, own)
    return tuple(chain.from_iterable(face.ROUTES for face in faces))


@cache
def _exact() -> dict[tuple[str, str], Route]:
    return {(route.method, route.path): route for route in all_routes()}


@cache
def _open_ended() -> tuple[tuple[str, str, Route], ...]:
    """Those of more than one path, the longest first."""
    ends = [
        (each.method, each.path.removesuffix("*"), each)
        for each in all_routes()
        if each.path.endswith("*")
    ]
    return tuple(sorted(ends, key=lambda row: -len(row[1])))


def face(method: str, path: str, headers: Mapping[str, str]) -> Face:
    """Whose API a request is in, whatever becomes of it."""
    if path == MODELS or path.startswith(f"{MODELS}/"):
        if method == "POST":  # Gemini's models alone have methods
            return gemini.FACE
        if "anthropic-version" in headers:
            return anthropic.FACE
        return gemini.FACE if "x-goog-api-key" in headers else openai.FACE
    if path == "/":
        return ollama.FACE
    return next((face for prefix, face in PREFIXES if path.startswith(prefix)), openai.FACE)


def find(method: str, path: str) -> Route | Failure:
    method = "GET" if method == "HEAD" else method
    if route := _exact().get((method, path)):
        return route
    if len(path) > 1 and path.endswith("/") and (route := _exact().get((method, path[:-1]))):
        return route
    others = {each for each, there in _exact() if there == path}
    for each, start, route in _open_ended():
        if path.startswith(start):
            if each == method:
                return route
            others.add(each)
    if others:
        return Failure(405, "rejected", f"{path} takes {' and '.join(sorted(others))}.")
    return Failure(
        404, "not_found", f"There is nothing at {method} {path}; /openapi.json lists what there is."
    )

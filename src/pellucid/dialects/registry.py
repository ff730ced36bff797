"""Dialects by name, each imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from ..errors import UsageError
from .base import Dialect

MODULES = {
    "openai": "openai_chat",
    "openai-responses": "openai_responses",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "ollama": "ollama",
    "ollama-generate": "ollama.generate",
}
"""Name of a dialect -> its module in this package."""


def dialect(name: str) -> Dialect:
    """Raises `UsageError` for a name that is no dialect's."""
    if name not in MODULES:
        raise UsageError(f"There is no dialect {name!r}; there are {', '.join(MODULES)}.")
    return cast(Dialect, import_module(f".{MODULES[name]}", __package__))

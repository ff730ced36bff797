"""What a tab of a browser asks for: the fields and actions it sends, as values."""

from __future__ import annotations

import json
from typing import Any

from ..attachments import attachment
from ..errors import UsageError
from ..messages import Message, Options, Text
from .session import Setup

NUMBERS = ("temperature", "top_p", "top_k", "min_p", "max_tokens", "seed")
WHOLE = ("top_k", "max_tokens", "seed")


def action_of(action: str) -> tuple[str, Any]:
    """An action of page.js, and what it is about. Raises `UsageError`."""
    try:
        wanted = json.loads(action)
        return str(wanted["action"]), wanted.get("value")
    except (ValueError, TypeError, KeyError):
        raise UsageError("That is no action of this page.") from None


def setup_of(model: str | None, system: str | None, memory: str | None, *numbers: str) -> Setup:
    """The settings beside the conversation. Raises `UsageError` for what no sampler can take."""
    given: dict[str, Any] = {}
    for name, number in zip(NUMBERS, numbers, strict=True):
        if not (number or "").strip():
            continue
        try:
            given[name] = int(number) if name in WHOLE else float(number)
        except ValueError:
            kind = "a whole number" if name in WHOLE else "a number"
            raise UsageError(f"{name} is {number!r}; it is {kind}, or empty.") from None
    return Setup(
        (model or "").strip() or "local", (system or "").strip(), memory or "full", Options(**given)
    )


def message_of(words: dict[str, Any]) -> Message | None:
    """What was written and attached."""
    said = str(words.get("text") or "")
    files = tuple(attachment(path) for path in words.get("files") or ())
    return Message("user", (Text(said), *files)) if said.strip() or files else None

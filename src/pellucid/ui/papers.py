"""Conversations as files, and back: JSON messages, Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..messages import Message
from ..shapes import as_messages

_HEAD = re.compile(r"^\*\*(system|user|assistant|tool)\*\*\n\n", re.MULTILINE)


def as_json(messages: Sequence[Message]) -> str:
    """Messages as providers have them: a list of roles and contents."""
    rows = [{"role": m.role, "content": m.text} for m in messages]
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def as_markdown(messages: Sequence[Message]) -> str:
    """One paragraph with the role before each message."""
    return "\n\n".join(f"**{m.role}**\n\n{m.text}" for m in messages) + "\n"


def read(path: Path) -> tuple[Message, ...]:
    """The messages in a file of either kind. Raises `UsageError`."""
    try:
        words = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}.") from error
    if path.suffix.lower() in (".md", ".markdown"):
        pieces = _HEAD.split(words)
        rows: Any = [
            {"role": role, "content": content.strip("\n")}
            for role, content in zip(pieces[1::2], pieces[2::2], strict=True)
        ]
    else:
        try:
            rows = json.loads(words)
        except ValueError as error:
            raise UsageError(f"{path.name} is not JSON: {error}.") from error
        if isinstance(rows, dict):
            rows = rows.get("messages")
    messages = as_messages(rows)
    if not messages:
        raise UsageError(f"There are no messages in {path.name}.")
    return messages

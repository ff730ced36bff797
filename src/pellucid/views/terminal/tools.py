"""Calls of tools, each on a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...tools.running import ToolRan
from .replies import plain
from .style import clip


def called(name: str, arguments: Mapping[str, Any]) -> str:
    """`book(city="London", seats=2)`: the whole call, nothing in it acting on the terminal."""
    shown = ", ".join(f"{key}={_value(each)}" for key, each in arguments.items())
    return f"{plain(name)}({_line(shown)})"


def ran(ran: ToolRan, *, width: int = 88) -> str:
    """A call, and the beginning of its result: `→`, or `✗` where it failed."""
    try:
        arguments = json.loads(ran.call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    call = ran.call.name
    call = called(call, arguments) if isinstance(arguments, dict) else f"{call}(…)"
    mark = "✗" if ran.result.failed else "→"
    slow = f" ({ran.seconds:.1f} s)" if ran.seconds >= 1 else ""
    return clip(_line(f"⚙ {call} {mark} {ran.result.text}"), width - len(slow)) + slow


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _line(text: str) -> str:
    return " ".join(plain(text).split())

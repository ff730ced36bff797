"""The sentences about a prompt that a reader ought to know."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from ..messages import Message, Request, Text, Thinking, ToolResult
from .fence import Fence
from .values import Origin

BYTE_ORDER_MARK = "\ufeff"


def messages_named(numbers: Iterable[int], messages: Sequence[Message]) -> str:
    """`message 1 (user)`, `messages 1 (user) and 3 (tool)`."""
    names = [f"{m} ({messages[m].role})" for m in sorted(set(numbers))]
    if len(names) == 1:
        return f"message {names[0]}"
    return f"messages {', '.join(names[:-1])} and {names[-1]}"


def about_byte_order_marks(messages: Sequence[Message]) -> list[str]:
    marked = [
        m
        for m, message in enumerate(messages)
        for part in message.parts
        if isinstance(part, Text | Thinking | ToolResult) and BYTE_ORDER_MARK in part.text
    ]
    if not marked:
        return []
    return [
        f"A byte-order mark (U+FEFF), which nobody sees, is in the text of "
        f"{messages_named(marked, messages)}; it is sent as it is."
    ]


def about_clock(asked: bool) -> list[str]:
    if not asked:
        return []
    return ["The template writes the date or the time: the prompt changes as it does."]


def about_generation(missing: bool) -> list[str]:
    if not missing:
        return []
    return ["The template has no generation prompt: nothing tells the model that it is its turn."]


def about_missing(request: Request, fences: Iterable[Fence], seen: Collection[Origin]) -> list[str]:
    """What was handed to the template and is not in what it wrote."""
    lost = {
        fence.origin
        for fence in fences
        if fence.origin not in seen and (fence.text is None or fence.text.strip())
    }
    said = []
    if any(origin.kind == "tool" for origin in lost):
        said.append("The template has no place for tools: the model is not told of them.")
    thinking: set[int] = set()
    dropped: set[int] = set()
    for origin in lost:
        if origin.message is not None and origin.part is not None:
            part = request.messages[origin.message].parts[origin.part]
            (thinking if isinstance(part, Thinking) else dropped).add(origin.message)
    systems = {m for m in dropped if request.messages[m].role == "system"}
    for numbers, what in (
        (systems, "drops the system message"),
        (dropped - systems, "leaves out text"),
        (thinking, "leaves out the thinking"),
    ):
        if numbers:
            named = messages_named(numbers, request.messages)
            said.append(f"The template {what}: that of {named} is not in the prompt.")
    return said


def about_rewriting(numbers: Collection[int], messages: Sequence[Message]) -> list[str]:
    if not numbers:
        return []
    return [f"The template rewrites the text of {messages_named(numbers, messages)}."]


def about_own_system(request: Request, head: str) -> list[str]:
    """`head` is what the template wrote before the first text, without control tokens."""
    if any(message.role == "system" for message in request.messages):
        return []
    words = re.sub(r"^\s*system\b", "", head).split()
    if len(words) < 4:  # a role's name and its like
        return []
    quoted = " ".join(words)
    quoted = quoted if len(quoted) <= 80 else quoted[:80].rsplit(" ", 1)[0] + " …"
    return [f"The template adds a system message of its own: “{quoted}”."]

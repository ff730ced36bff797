"""What went wrong with a tool, read off receipts: the same words for the doctor and for `show`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from ..messages import Request, ToolCall, ToolResult, ToolSpec
from ..record.receipt import Receipt
from ..value import value

Kind = Literal[
    "well called",
    "used the result",
    "answered in words",
    "template has no tools",
    "call in text",
    "bad JSON",
    "unknown tool",
    "wrong argument",
    "ignored result",
    "needless call",
    "no call",
]
"""The first three are no failures. Whether a call was needed only a test knows: `needless call`
and `no call` are the doctor's, but for a call that repeats one that was answered."""

FINE: tuple[Kind, ...] = ("well called", "used the result", "answered in words")
NO_PLACE = "no place for tools"
"""Words of the note that a template without tools leaves."""


@value
class Verdict:
    """`detail` says what is wrong, in a sentence, and is empty where nothing is."""

    kind: Kind
    detail: str = ""

    @property
    def fine(self) -> bool:
        return self.kind in FINE

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


def verdict(receipt: Receipt) -> Verdict | None:
    """How the model of `receipt` dealt with the tools it was offered; `None` without tools."""
    request, reply = receipt.request, receipt.reply
    if not request.tools:
        return None
    calls = [part for part in reply.message.parts if isinstance(part, ToolCall)]
    if calls:
        return _of_calls(calls, request)
    results = [part for part in request.messages[-1].parts if isinstance(part, ToolResult)]
    if written := _written_call(reply.text, request.tools):
        return written
    if results:
        return _of_answer(reply.text, results)
    if any(NO_PLACE in note for note in receipt.notes):
        return Verdict("template has no tools", "The model was not told of them.")
    return Verdict("answered in words")


def _of_calls(calls: Sequence[ToolCall], request: Request) -> Verdict:
    tools = {tool.name: tool for tool in request.tools}
    before = {
        (part.name, part.arguments)
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    for call in calls:
        if call.name not in tools:
            return Verdict("unknown tool", f"{call.name} was not offered.")
        if wrong := _misfit(call, tools[call.name]):
            return wrong
        answered = isinstance(request.messages[-1].parts[-1], ToolResult)
        if answered and (call.name, call.arguments) in before:
            return Verdict("needless call", f"{call.name} had answered this call already.")
    return Verdict("well called")


def _misfit(call: ToolCall, tool: ToolSpec) -> Verdict | None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        given = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError) as error:
        return Verdict("bad JSON", f"The arguments of {call.name}: {error}.")
    worst = best_match(Draft202012Validator(dict(tool.parameters)).iter_errors(given))
    return Verdict("wrong argument", f"{call.name}: {worst.message}.") if worst else None


def _written_call(text: str, tools: Iterable[ToolSpec]) -> Verdict | None:
    """A call that stands in the text, where none was recognised."""
    found = re.search(r'\{\s*"(?:name|tool_name)"\s*:\s*"([^"]*)"', text)
    if found is None:
        if "<tool_call>" in text or "[TOOL_CALLS]" in text:
            return Verdict("bad JSON", "A call was begun, and what follows is not one.")
        return None
    name = found[1]
    if name not in {tool.name for tool in tools}:
        return Verdict("unknown tool", f"The text calls {name!r}, which was not offered.")
    try:
        json.JSONDecoder().raw_decode(text, found.start())
    except ValueError as error:
        return Verdict("bad JSON", f"The text calls {name}: {error}.")
    return Verdict("call in text", f"The text holds a call of {name} that was not carried out.")


def _of_answer(text: str, results: Sequence[ToolResult]) -> Verdict:
    facts = {fact for result in results for fact in _facts(result.text)}
    if facts and not any(_holds(text, fact) for fact in facts):
        return Verdict("ignored result", "Nothing that the tools answered is in the reply.")
    return Verdict("used the result")


def _facts(text: str) -> list[str]:
    """Numbers of a result, or where it has none its words: what an answer would repeat."""
    numbers = re.findall(r"\d[\d.,:]*\d|\d", text)
    return numbers or re.findall(r"\w{4,}", text)


def _holds(text: str, fact: str) -> bool:
    return fact.replace(",", "").lower() in text.replace(",", "").lower()

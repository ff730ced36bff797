"""Tools told in words, for models that the template's own way confuses or does not exist for.

A small model that reads calls and results as JSON answers with JSON. Told the same in plain words,
it answers in words. The message the user sees in the prompt then ends, for instance, with

    Looked up:
    - get_ticket_price(city: London): 799

    Answer in a sentence from what was looked up.

Every character keeps its origin: a result is still the tool's, words of ours are scaffold.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..messages import Message, Part, Request, Text, ToolCall, ToolResult, ToolSpec
from ..prompt.values import Origin, Prompt, Span
from ..value import value

OURS = Origin("scaffold")
HEADING = "Looked up:"
ANSWER = "\n\nAnswer in a sentence from what was looked up."
OFFER = "You may call these functions, described by JSON schemas:\n"
FORM = (
    "To call one, answer with nothing but a JSON object: "
    '{"name": "function", "arguments": {"parameter": "value"}}. '
    "Call none where none is needed."
)


@value
class Told:
    """A request without calls and results. `origins[m][p]` is where part p of its message m came
    from: a message and part of the original, a tool, or `OURS`."""

    request: Request
    origins: tuple[tuple[Origin, ...], ...]

    def original(self, prompt: Prompt, messages: Sequence[Message]) -> Prompt:
        """`prompt`, made of the request in words, with the origins of the original `messages`."""
        spans = tuple(Span(s.start, s.end, self._origin(s.origin)) for s in prompt.spans)
        return replace(prompt, spans=spans, roles=tuple(message.role for message in messages))

    def _origin(self, origin: Origin) -> Origin:
        if origin.message is None or origin.part is None:
            return origin
        came = self.origins[origin.message][origin.part]
        return came if came.message is None else replace(came, kind=origin.kind)


def in_words(request: Request) -> Told:
    """The request without tools; what was called and answered is told in words."""
    calls = {
        part.id: part
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    turns = _Turns()
    for m, message in enumerate(request.messages):
        results = [
            (p, part) for p, part in enumerate(message.parts) if isinstance(part, ToolResult)
        ]
        if results:
            turns.heading()
            for p, result in results:
                turns.extend(_ours(f"\n- {_called(calls.get(result.id), result)}"))
                turns.extend([(Text(result.text), Origin("message", m, p))])
        else:
            turns.open(message, m)
    if request.messages and any(isinstance(p, ToolResult) for p in request.messages[-1].parts):
        turns.extend(_ours(ANSWER))
    return turns.told(replace(request, tools=()))


def described(request: Request) -> Told:
    """The request in words, its tools and how to call them described in the system message, or
    before the user's first."""
    told = in_words(request)
    messages, origins = list(told.request.messages), list(told.origins)
    if not messages:
        return told
    offer = [*_ours(OFFER), *_listed(request.tools), *_ours(FORM)]
    system = messages[0].role == "system"
    added, came = zip(
        *[*_ours("\n\n"), *offer] if system else [*offer, *_ours("\n\n")], strict=True
    )
    parts = messages[0].parts
    messages[0] = replace(messages[0], parts=(*parts, *added) if system else (*added, *parts))
    origins[0] = (*origins[0], *came) if system else (*came, *origins[0])
    return Told(replace(told.request, messages=tuple(messages)), tuple(origins))


_Piece = tuple[Part, Origin]


class _Turns:
    """Messages in the making."""

    def __init__(self) -> None:
        self._turns: list[tuple[Message, list[_Piece]]] = []

    def open(self, message: Message, m: int) -> None:
        pieces: list[_Piece] = [
            (part, Origin("message", m, p))
            for p, part in enumerate(message.parts)
            if not isinstance(part, ToolCall)
        ]
        if pieces:
            self._turns.append((message, pieces))

    def extend(self, pieces: Iterable[_Piece]) -> None:
        self._turns[-1][1].extend(pieces)

    def heading(self) -> None:
        """Results go on the user's message; after words of the model, into a new one."""
        if not self._turns or self._turns[-1][0].role != "user":
            self._turns.append((Message("user", ()), _ours(HEADING)))
        elif not any(part == Text(f"\n\n{HEADING}") for part, _ in self._turns[-1][1]):
            self.extend(_ours(f"\n\n{HEADING}"))

    def told(self, request: Request) -> Told:
        messages = []
        for message, pieces in self._turns:
            parts = tuple(part for part, _ in pieces)
            same = parts == message.parts
            messages.append(message if same else Message(message.role, parts))
        origins = tuple(tuple(origin for _, origin in pieces) for _, pieces in self._turns)
        return Told(replace(request, messages=tuple(messages)), origins)


def _ours(text: str) -> list[_Piece]:
    return [(Text(text), OURS)]


def _listed(tools: Sequence[ToolSpec]) -> Iterator[_Piece]:
    for t, tool in enumerate(tools):
        shown = {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        }
        yield Text(json.dumps(shown, ensure_ascii=False) + "\n"), Origin("tool", tool=t)


def _called(call: ToolCall | None, result: ToolResult) -> str:
    failed = " failed" if result.failed else ""
    return f"{result.name}({_arguments(call)}){failed}: "


def _arguments(call: ToolCall | None) -> str:
    try:
        given = json.loads(call.arguments) if call else {}
    except ValueError:
        return ""
    if not isinstance(given, dict):
        return ""
    return ", ".join(
        f"{name}: {each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)}"
        for name, each in given.items()
    )

"""Tool calls for APIs that say each one whole, and that may leave their ids out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2s

from ..messages import Message, Part, ToolCall, ToolResult
from ..replies import Event, Finish, MediaEvent, TextDelta, ThinkingDelta, ToolCallDelta


def made_id(*said: object) -> str:
    """An id for a call that came without one: the same for the same reply, call and arguments."""
    return f"call_{blake2s(repr(said).encode(), digest_size=12).hexdigest()}"


def link(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages with an id on every call and, on every result, its call's id and tool's name.

    A result without an id belongs to the first call of its tool that has no result yet.
    """
    linker = _Linker(messages)
    return tuple(
        replace(message, parts=tuple(linker.part(part) for part in message.parts))
        for message in messages
    )


class _Linker:
    def __init__(self, messages: tuple[Message, ...]) -> None:
        ids = (p.id for m in messages for p in m.parts if isinstance(p, ToolCall | ToolResult))
        self._taken = set(ids)
        self._made = 0
        self._names: dict[str, str] = {}
        self._open: dict[str, str] = {}
        """The calls without a result so far: id -> name."""

    def part(self, part: Part) -> Part:
        if isinstance(part, ToolCall):
            part = replace(part, id=part.id or self._new())
            self._names[part.id] = self._open[part.id] = part.name
        elif isinstance(part, ToolResult):
            id = part.id or self._answered(part.name) or self._new()
            self._open.pop(id, None)
            return replace(part, id=id, name=part.name or self._names.get(id, ""))
        return part

    def _answered(self, name: str) -> str | None:
        return next((id for id, of in self._open.items() if name in ("", of)), None)

    def _new(self) -> str:
        while True:
            self._made += 1
            if (id := f"call_{self._made}") not in self._taken:
                return id


class WholeCalls:
    """Gathers the fragments of calls: each comes out as one event, as early as it can.

    Calls are held until their arguments are whole JSON objects and something else follows, or
    until the reply ends. They come out in the order of their indices, which are counted anew.
    """

    def __init__(self) -> None:
        self.held: dict[int, ToolCallDelta] = {}
        self._said: set[int] = set()
        self._count = 0

    def add(self, event: Event) -> Iterator[Event]:
        if isinstance(event, ToolCallDelta):
            if event.index not in self._said:
                old = self.held.get(event.index, ToolCallDelta(event.index))
                self.held[event.index] = ToolCallDelta(
                    event.index,
                    event.id or old.id,
                    event.name or old.name,
                    old.arguments + event.arguments,
                    event.signature or old.signature,
                )
            return
        follows = isinstance(event, TextDelta | ThinkingDelta | MediaEvent)
        if isinstance(event, Finish) or (follows and all(map(_whole, self.held.values()))):
            for index in sorted(self.held):
                yield replace(self.held[index], index=self._count)
                self._count += 1
            self._said.update(self.held)
            self.held.clear()
        yield event


def _whole(call: ToolCallDelta) -> bool:
    try:
        return isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        return False

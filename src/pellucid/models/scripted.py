"""A model that says what its caller wrote: for tests of code that talks to models."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..messages import (
    Media,
    Message,
    Options,
    Part,
    Refusal,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from ..prompt.values import Prompt
from ..replies import (
    Event,
    Finish,
    MediaEvent,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)

Fault = Exception
Answer = str | Message
Line = Answer | Fault


class Scripted:
    """Answers with `replies` in turn, a word at a time, `delay` seconds before each word.

    A reply is text, or a `Message` with thinking, refusals, calls of tools and media. An exception
    among the replies is raised in its place; a reply followed by an exception in a tuple breaks
    off after what it says. `requests` keeps what was asked.
    """

    def __init__(
        self, replies: Sequence[Line | tuple[Answer, Fault]], *, delay: float = 0.0, name: str = ""
    ) -> None:
        self.name = name or "scripted"
        self.window: int | None = None
        self.requests: list[Request] = []
        self._replies = list(replies)
        self._delay = delay

    def prepare(self, request: Request) -> Prompt | None:
        return None

    def settle(self, options: Options) -> Options:
        return options

    def settings(self) -> Mapping[str, Any]:
        return {}

    def versions(self) -> Mapping[str, str]:
        return {}

    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        self.requests.append(request)
        if not self._replies:
            raise UsageError("The scripted model has no reply left; give it more.")
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        answer, fault = reply if isinstance(reply, tuple) else (reply, None)
        parts = (Text(answer),) if isinstance(answer, str) else answer.parts
        written = 0
        for place, part in enumerate(parts):
            for event in _events(part, place):
                time.sleep(self._delay)
                written += 1
                yield event
        if fault is not None:
            raise fault
        read = sum(len(message.text.split()) for message in request.messages)
        yield UsageEvent(Usage(fresh=read, output=written, known="estimated"))
        yield Finish("tool_calls" if any(isinstance(p, ToolCall) for p in parts) else "stop")


def _events(part: Part, place: int) -> Iterator[Event]:
    """A part of an answer, a word at a time."""
    match part:
        case Text(text):
            yield from map(TextDelta, _words(text))
        case Refusal(text):
            yield from map(RefusalDelta, _words(text))
        case Thinking(text, signature, redacted):
            yield from map(ThinkingDelta, _words(text))
            if signature:
                yield ThinkingDelta("", signature, redacted)
        case ToolCall(id, name, arguments, signature):
            yield ToolCallDelta(place, id, name, signature=signature)
            for word in _words(arguments):
                yield ToolCallDelta(place, arguments=word)
        case Media():
            yield MediaEvent(part)
        case ToolResult():
            raise UsageError("A model gives no results of tools; a scripted one neither.")


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*$|\s*\S+", text)

"""A model that says what its caller wrote: for tests of code that talks to models."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..messages import Options, Request
from ..prompt.values import Prompt
from ..replies import Event, Finish, TextDelta, Usage, UsageEvent

Fault = Exception
Line = str | Fault


class Scripted:
    """Answers with `replies` in turn, a word at a time, `delay` seconds before each word.

    An exception among the replies is raised in its place; a reply followed by an exception in a
    tuple breaks off after its text. `requests` keeps what was asked.
    """

    def __init__(
        self, replies: Sequence[Line | tuple[str, Fault]], *, delay: float = 0.0, name: str = ""
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
        text, fault = reply if isinstance(reply, tuple) else (reply, None)
        words = re.findall(r"\s*\S+\s*$|\s*\S+", text)
        for word in words:
            time.sleep(self._delay)
            yield TextDelta(word)
        if fault is not None:
            raise fault
        read = sum(len(message.text.split()) for message in request.messages)
        yield UsageEvent(Usage(fresh=read, output=len(words), known="estimated"))
        yield Finish("stop")

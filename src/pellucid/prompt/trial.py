"""Small conversations, and a chat template tried on them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime

from ..errors import TemplateError
from ..messages import Message, Request, Text, ToolCall, ToolResult, ToolSpec
from .families import ChatFormat
from .places import shared_length
from .probe import Prober

NOON = datetime(2024, 2, 29, 12)
SAME_DAY = datetime(2024, 2, 29, 9, 41, 7, 890_000)
LATER = datetime(2031, 11, 23, 9, 41, 7, 890_000)

SYSTEM = Message("system", (Text("Answer like a lighthouse keeper."),))
ASK = Message("user", (Text("How high are the waves?"),))
REPLY = Message("assistant", (Text("Three metres, and rising."),))
ASK_AGAIN = Message("user", (Text("Is a ship in sight?"),))
TOOL = ToolSpec(
    "read_tide_gauge",
    "Reads the tide gauge.",
    {"type": "object", "properties": {"harbour": {"type": "string"}}, "required": ["harbour"]},
)
# The id is one that Mistral's templates take: nine letters and digits.
CALL = Message("assistant", (ToolCall("a1b2c3d4e", TOOL.name, '{"harbour": "Skagen"}'),))
RESULT = Message("tool", (ToolResult("a1b2c3d4e", TOOL.name, "41 centimetres"),))


PATIENCE = 20.0
"""Seconds that all renderings of a trial may take together."""


class Trial:
    """Renders conversations in one format. Raises `TemplateError` for one that is broken."""

    def __init__(self, format: ChatFormat) -> None:
        self.format = format
        self._spent = 0.0
        self._prober = Prober(format.text, (), format.bos, format.eos)

    def text(
        self,
        *messages: Message,
        tools: Sequence[ToolSpec] = (),
        generation: bool = True,
        now: datetime = NOON,
    ) -> str:
        """The prompt of a conversation. Raises `TemplateError`."""
        if self._spent > PATIENCE:
            raise TemplateError(f"The template took {self._spent:.0f} s to render small texts.")
        request = Request(messages, tuple(tools), generation_prompt=generation)
        began = time.monotonic()
        try:
            return self._prober.plain(request, now).text
        finally:
            self._spent += time.monotonic() - began

    def takes(self, *messages: Message, tools: Sequence[ToolSpec] = ()) -> bool:
        """Whether the template renders a conversation at all."""
        try:
            self.text(*messages, tools=tools)
        except TemplateError:
            return False
        return True


def refused(error: TemplateError) -> bool:
    """Whether the template said no, rather than failed."""
    from .environment import Refusal

    return isinstance(error.__cause__, Refusal)


def excerpt(text: str, length: int = 60) -> str:
    """The beginning of a text in quotes."""
    return repr(text if len(text) <= length else f"{text[: length - 1]}…")


def difference(before: str, after: str) -> str:
    """Where two prompts part: a few characters they share, then what each has."""
    same = shared_length(before, after)
    return " became ".join(
        repr(text[max(same - 20, 0) : same] + _words(text[same : same + 40]))
        for text in (before, after)
    )


def _words(text: str) -> str:
    """The beginning of a text, to the end of its second word."""
    return "".join(re.findall(r"\S*\s?\S*", text)[:1])

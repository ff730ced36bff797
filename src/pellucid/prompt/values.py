"""The exact prompt: text, tokens, and where every character came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..tokens.encoding import Encoding

OriginKind = Literal["scaffold", "message", "tool", "passage", "generation"]
"""Scaffold is what the template wrote; generation is the opening of the assistant's turn."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stretch of the prompt came from.

    `message` and `part` count from 0 in the request; `tool` counts the tools. A passage also
    names its message and part.
    """

    kind: OriginKind
    message: int | None = None
    part: int | None = None
    tool: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (half open) of the prompt's text have this origin."""

    start: int
    end: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given.

    `spans` cover the text without gaps, in order. `origins[i]` lists the spans (by their index)
    that token i touches: one, or two and more where a token straddles a border. `roles[m]` is the
    role of message m, `replayed` the number of tokens that are ids the model itself produced.
    `exact` is false where the template rewrites text, so that the origins inside it are inferred.
    `notes` are sentences about what a reader ought to know: a doubled BOS, a dropped system
    message.
    """

    encoding: Encoding
    spans: tuple[Span, ...]
    origins: tuple[tuple[int, ...], ...]
    roles: tuple[str, ...]
    exact: bool
    notes: tuple[str, ...] = ()
    replayed: int = 0

    @property
    def text(self) -> str:
        return self.encoding.text

    @property
    def ids(self) -> tuple[int, ...]:
        return self.encoding.ids

    def __len__(self) -> int:
        return len(self.encoding.ids)

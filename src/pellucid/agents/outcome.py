"""What a run of agents came to."""

from __future__ import annotations

from typing import Any

from ..value import value
from .trace import Said


@value
class Outcome:
    """What a run came to. `text` is the answer, or what was done until the run had to end.

    `problems` are sentences about what failed or was refused, `notes` about what was left out;
    `sources` the files that were read, numbered from 1 in the text. `run` is the `conversation` of
    its receipts. The tree of who said what to whom begins at `trace`.
    """

    run: str
    text: str
    sources: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    calls: int
    tokens: int
    trace: Said

    @property
    def complete(self) -> bool:
        return bool(self.text) and not self.problems

    @property
    def markdown(self) -> str:
        """The answer, and the list of its sources."""
        if not self.sources:
            return self.text
        listed = [f"{number}. {name}" for number, name in enumerate(self.sources, start=1)]
        return "\n".join([self.text, "", "Sources:", "", *listed])

    def __str__(self) -> str:
        return self.markdown

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "complete": self.complete,
            "text": self.text,
            "sources": list(self.sources),
            "problems": list(self.problems),
            "notes": list(self.notes),
            "calls": self.calls,
            "tokens": self.tokens,
            "trace": self.trace.to_json(),
        }

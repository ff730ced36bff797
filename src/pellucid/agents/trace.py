"""Who said what to whom: a tree that grows while agents run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["agent", "tool", "plan"]


@dataclass(slots=True)
class Said:
    """`sender` said `words` to `receiver`, who answered. `inner` is what that led to, in order.

    `kind` says what `receiver` is; a planner says to itself what it is to divide. `source` is the
    file that went along. `kept` marks an answer from the notebook: nobody was asked. A `failed`
    answer says why. `receipts` are the ids of the calls to the model, in order; the parent of the
    first is `after`, the call that led to it.
    """

    sender: str
    receiver: str
    words: str
    kind: Kind = "agent"
    source: str = ""
    after: str | None = None
    answer: str = ""
    kept: bool = False
    failed: bool = False
    receipts: list[str] = field(default_factory=list)
    inner: list[Said] = field(default_factory=list)

    def say(
        self,
        receiver: str,
        words: str,
        kind: Kind = "agent",
        source: str = "",
        after: str | None = None,
    ) -> Said:
        """A new branch: the receiver of this one speaks."""
        branch = Said(self.receiver, receiver, words, kind, source, after)
        self.inner.append(branch)
        return branch

    def all(self) -> Iterator[Said]:
        """Everything that was said, from here on down."""
        yield self
        for branch in self.inner:
            yield from branch.all()

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.sender,
            "to": self.receiver,
            "kind": self.kind,
            "said": self.words,
            "source": self.source or None,
            "answer": self.answer,
            "from_notebook": self.kept,
            "failed": self.failed,
            "receipts": list(self.receipts),
            "inner": [branch.to_json() for branch in self.inner],
        }

"""Tool calls on their way to a client that wants each in a block of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ..replies import ToolCallDelta


@dataclass(slots=True)
class OpenCall:
    """A call as far as it has come. `place` is its block, once its id and its name are known."""

    id: str | None = None
    name: str | None = None
    place: int | None = None
    written: list[str] = field(default_factory=list)
    closed: bool = False

    def add(self, fragment: ToolCallDelta) -> None:
        self.id, self.name = fragment.id or self.id, fragment.name or self.name
        if fragment.arguments:
            self.written.append(fragment.arguments)

    @property
    def named(self) -> bool:
        return bool(self.id and self.name)

    @property
    def arguments(self) -> str:
        return "".join(self.written)

    def whole(self) -> bool:
        """Whether the arguments are JSON already, so that nothing more can come."""
        try:
            json.loads(self.arguments)
        except (ValueError, RecursionError):
            return False
        return True

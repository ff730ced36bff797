"""What a tool prints: standard output is the reply's, so it goes to standard error, and not without
end. Other threads print as before."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Any, TextIO


class _Room:
    """How much the call of the tool `name` may still print."""

    def __init__(self, name: str, characters: int) -> None:
        self._name = name
        self._left = characters

    def write(self, text: str) -> None:
        if self._left < 0:
            return
        sys.stderr.write(text[: self._left])
        self._left -= len(text)
        if self._left < 0:
            sys.stderr.write(f"\n[{self._name} prints more, which is left out]\n")


_room: ContextVar[_Room | None] = ContextVar("_room", default=None)


class _Divided:
    """Standard output, but for what runs inside a tool."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if room := _room.get():
            room.write(text)
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def divert(name: str, characters: int) -> None:
    """From now on, what this context prints goes to standard error, so many characters of it. It
    stays so: a tool that was left alone may print later."""
    _room.set(_Room(name, characters))
    if not isinstance(sys.stdout, _Divided):
        sys.stdout = _Divided(sys.stdout)

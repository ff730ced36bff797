"""A stream that is one JSON array, as the Gemini API writes it where nobody asked for events."""

from __future__ import annotations

import re

from ...errors import BadReply

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')


class ArrayDecoder:
    """Reads an array, or one object alone, cut into pieces anywhere: out come its objects."""

    def __init__(self) -> None:
        self.ended = False
        """Whether the bracket that closes it has come."""
        self._held = bytearray()
        self._at = 0  # how far it was looked through
        self._in_string = False
        self._depth = 0
        self._start: int | None = None  # of the object that is not whole yet, and its depth
        self._start_depth = 0

    def feed(self, data: bytes) -> list[str]:
        """The objects that `data` completes. Raises `BadReply` for what is not UTF-8."""
        held, out = self._held, []
        held += data
        while found := (_INSIDE if self._in_string else _OUTSIDE).search(held, self._at):
            mark = found.group()
            if mark == b"\\":
                if found.end() == len(held):
                    break  # what it escapes is still to come
                self._at = found.end() + 1
                continue
            self._at = found.end()
            if mark == b'"':
                self._in_string = not self._in_string
            elif mark in b"{[":
                if mark == b"{" and self._start is None:
                    self._start, self._start_depth = found.start(), self._depth
                self._depth += 1
            else:
                self._depth -= 1
                self.ended = self._depth <= 0
                if self._start is not None and self._depth == self._start_depth:
                    out.append(_text(held[self._start : self._at]))
                    self._start = None
        else:
            self._at = len(held)
        done = self._at if self._start is None else self._start
        del held[:done]
        self._at -= done
        self._start = None if self._start is None else 0
        return out


def _text(data: bytearray) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadReply("The stream holds bytes that are not UTF-8.") from error

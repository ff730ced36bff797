"""The code fence that models put around a whole Markdown answer, taken off as it streams."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_OPENING = re.compile(r"\s*```[ \t]*(?:markdown|md)?[ \t]*\n")
_MAY_OPEN = re.compile(r"\s*(?:`{0,2}|```[ \t]*[a-z]{0,8}[ \t]*)")
_MAY_CLOSE = re.compile(r"\n[ \t]*(?:`{1,2}|```\s*)?\Z|\A[ \t]*(?:`{1,2}|```\s*)?\Z")


def unfenced(pieces: Iterable[str]) -> Iterator[str]:
    """The text of `pieces` without a fence around all of it; fences inside it stay.

    Only what may still turn out to be such a fence is held back: a few characters.
    """
    held = ""
    inside: bool | None = None  # not known yet
    for piece in pieces:
        held += piece
        if inside is None:
            opened = _OPENING.match(held)
            if opened:
                inside, held = True, held[opened.end() :]
            elif not _MAY_OPEN.fullmatch(held):
                inside = False
        if inside is False and held:
            yield held
            held = ""
        elif inside:
            closing = _MAY_CLOSE.search(held)
            ready = held[: closing.start()] if closing else held
            held = held[len(ready) :]
            if ready:
                yield ready
    if inside:
        held = re.sub(r"\n?[ \t]*```\s*\Z", "\n", held)
    if held:
        yield held

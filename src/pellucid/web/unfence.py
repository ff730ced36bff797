"""The code fence that models put around a whole Markdown answer, taken off as it streams."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_FENCE = re.compile(r"[ \t]*(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*?)\s*")
_MAY_BE_FENCE = re.compile(r"[ \t]*(?:`*|~*|\r|(?:`{3,}|~{3,})[^`\n]{1,60})")


def unfenced(pieces: Iterable[str]) -> Iterator[str]:
    """The text of `pieces` without a fence around all of it; fences inside it stay.

    A model may go on behind the fence: that is a paragraph of its own. Only what may still turn
    out to be a fence is held back: a few characters.
    """
    blank = ""
    outer: str | None = None
    inner: str | None = None
    runs = _runs(pieces)
    for fence, info, run in runs:
        if fence and info.lower() in ("", "markdown", "md"):
            outer = fence
            break
        blank += run
        if not run.isspace():
            break
    if outer is None:
        if blank:
            yield blank
        for _, _, run in runs:
            yield run
        return
    for fence, info, run in runs:
        if inner is None and not info and fence.startswith(outer):
            break
        if inner is None:
            inner = fence or None
        elif not info and fence.startswith(inner):
            inner = None
        yield run
    between = "\n"
    for _, _, run in runs:
        if between and run.isspace():
            continue
        yield between + run
        between = ""


def _runs(pieces: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """The text in runs. One that is a fence's line comes whole, behind its marks and what is said
    of it; any other as soon as it is there, behind two empty texts."""
    held, at_start = "", True
    for piece in pieces:
        held += piece
        while held and not (at_start and _MAY_BE_FENCE.fullmatch(held)):
            size = held.find("\n") + 1 or len(held)
            run, held = held[:size], held[size:]
            yield *_read(run, at_start), run
            at_start = run.endswith("\n")
    if held:
        yield *_read(held, at_start), held


def _read(run: str, at_start: bool) -> tuple[str, str]:
    found = _FENCE.fullmatch(run) if at_start else None
    return (found["marks"], found["info"]) if found else ("", "")

"""Fences around what messages and tools say, so that it is found again in the rendered prompt.

A template is rendered a second time with every text between two marks, private-use characters that
no template writes. Inside the fence, each character that a control token could begin with is
swapped for another private one: a control token that stands whole in such a rendering was written
by the template itself, whatever the template did to the texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple, Protocol

from ..value import value
from .values import Origin

_MARKS = (range(0xE000, 0xE200), range(0x100000, 0x10FFFE))
_SWAPS = range(0xF0000, 0xFFFFE)
"""Private-use characters of Unicode: those for marks, those for what is swapped. Of the basic
plane's 6,400 only the first, since `re` takes milliseconds to compile a large range of it."""

_MARK = re.compile("([\ue000-\ue1ff\U00100000-\U0010fffd])")
_PRIVATE = re.compile("[\ue000-\ue1ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")

_SCHEMA_TYPES = frozenset(
    ("string", "number", "integer", "boolean", "object", "array", "null", "function")
)


class Writer(Protocol):
    """How the texts of a request are handed to a template."""

    def text(self, text: str, origin: Origin) -> str:
        """A text that may show up in the prompt."""

    def word(self, text: str) -> str:
        """A text whose length or spelling templates look at, such as the id of a call."""

    def json(self, value: dict[str, Any], origin: Origin) -> dict[str, Any]:
        """A mapping that is written as JSON or taken apart."""


class Plain:
    """Hands everything over as it is."""

    def text(self, text: str, origin: Origin) -> str:
        return text

    def word(self, text: str) -> str:
        return text

    def json(self, value: dict[str, Any], origin: Origin) -> dict[str, Any]:
        return value


class Fenced(dict[str, Any]):
    """A mapping whose JSON stands between two `mark`s as a whole."""

    mark: str


class Fence(NamedTuple):
    """What stands between two equal marks. `text` is `None` for a mapping written as JSON.

    `swapped` is the text as the template gets it; `blanks` are those left outside the fence.
    """

    origin: Origin
    text: str | None
    swapped: str
    blanks: tuple[str, str] = ("", "")


class Fences:
    """Fences each text whole, or, where `trimmed(n)` says so, inside its outer blanks.

    `n` counts the fences. `taken` is a text whose private-use characters are not used as marks;
    `starts` are the characters a control token can begin with.
    """

    def __init__(self, taken: str, starts: Collection[str], trimmed: Callable[[int], bool]) -> None:
        used = frozenset() if taken.isascii() else frozenset(_PRIVATE.findall(taken))
        swaps = (char for char in map(chr, _SWAPS) if char not in used)
        self._swaps = tuple((start, next(swaps)) for start in starts if not start.isspace())
        self._free = (char for char in map(chr, chain(*_MARKS)) if char not in used)
        self._trimmed = trimmed
        self.marks: dict[str, Fence] = {}
        """Mark -> what it fences, in the order they were handed over."""

    def text(self, text: str, origin: Origin) -> str:
        swapped = self.word(text)
        blanks = ("", "")
        if self._trimmed(len(self.marks)):
            core = text.strip()
            lead, _, trail = text.partition(core) if core else (text, "", "")
            text, swapped, blanks = core, swapped.strip(), (lead, trail)
        mark = next(self._free)
        self.marks[mark] = Fence(origin, text, swapped, blanks)
        return f"{blanks[0]}{mark}{swapped}{mark}{blanks[1]}" if swapped else blanks[0]

    def word(self, text: str) -> str:
        for char, other in self._swaps:
            text = text.replace(char, other)
        return text

    def json(self, value: dict[str, Any], origin: Origin) -> dict[str, Any]:
        mark = next(self._free)
        self.marks[mark] = Fence(origin, None, "")
        fenced: dict[str, Any] = self._fenced(value, mark, names=origin.kind != "tool")
        return fenced

    def _fenced(self, value: Any, mark: str, *, names: bool) -> Any:
        """`value` with each text in it fenced; its keys too where they are `names`.

        The keys of a tool's schema are words of the schema, which templates look up, but for those
        of `properties`; the keys of a call's arguments are all names.
        """
        if isinstance(value, str):
            return f"{mark}{self.word(value)}{mark}" if value else value
        if isinstance(value, list | tuple):
            return [self._fenced(item, mark, names=names) for item in value]
        if not isinstance(value, Mapping):
            return value
        out = Fenced()
        out.mark = mark
        schema = self.marks[mark].origin.kind == "tool"
        for key, item in value.items():
            if key == "type" and schema and item in _SCHEMA_TYPES:
                out[key] = item
                continue
            name = f"{mark}{self.word(key)}{mark}" if names else self.word(key)
            out[name] = self._fenced(item, mark, names=key == "properties" if schema else True)
        return out

    def unswapped(self, text: str) -> str:
        """`text` with the swapped characters back in place."""
        for char, other in self._swaps:
            text = text.replace(other, char)
        return text


@value
class Reading:
    """A fenced rendering, taken apart.

    `text` is what it would be without fences, `swapped` the same with the swapped characters still
    in it. `regions` are `(start, end, fence)` in order, without overlap; `lone` are the places of
    marks whose partner the template dropped.
    """

    text: str
    swapped: str
    regions: tuple[tuple[int, int, Fence], ...]
    lone: tuple[tuple[int, Fence], ...]


def read(rendered: str, fences: Fences) -> Reading:
    """Find the fences in a rendering and take them out."""
    pieces = _MARK.split(rendered)
    texts, marks = pieces[::2], pieces[1::2]
    borders = list(accumulate(map(len, texts)))
    known = fences.marks
    regions: list[tuple[int, int, Fence]] = []
    lone: list[tuple[int, Fence]] = []
    if marks[::2] == marks[1::2] and all(map(known.__contains__, marks)):
        regions = [
            (borders[2 * n], borders[2 * n + 1], known[mark]) for n, mark in enumerate(marks[::2])
        ]
    else:
        texts, regions, lone = _paired(texts, marks, known)
    swapped = "".join(texts)
    return Reading(fences.unswapped(swapped), swapped, tuple(regions), tuple(lone))


def _paired(
    texts: Sequence[str], marks: Sequence[str], known: Mapping[str, Fence]
) -> tuple[list[str], list[tuple[int, int, Fence]], list[tuple[int, Fence]]]:
    """The same where marks are missing, or where a text has private-use characters of its own:
    the texts with those, the regions between pairs, and the marks that have no partner."""
    kept: list[str] = [texts[0]]
    regions: list[tuple[int, int, Fence]] = []
    lone: list[tuple[int, Fence]] = []
    opened: tuple[int, Fence] | None = None
    place = len(texts[0])
    for mark, text in zip(marks, texts[1:], strict=True):
        fence = known.get(mark)
        if fence is None:
            kept.append(mark)
            place += 1
        elif opened is None:
            opened = (place, fence)
        elif opened[1] is fence:
            regions.append((opened[0], place, fence))
            opened = None
        else:
            lone.append(opened)
            opened = (place, fence)
        kept.append(text)
        place += len(text)
    if opened is not None:
        lone.append(opened)
    return kept, regions, lone

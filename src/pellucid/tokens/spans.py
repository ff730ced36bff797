"""Cutting a long file where every vocabulary cuts it too.

The tokens of the parts then add up to those of the whole. A new line before something that is no
blank is such a place: no token holds a new line and what follows it, and no pre-tokenizer looks
across it but to see that something follows. So is a blank between two small letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from ..value import value

SPAN = 1 << 20
"""Bytes of a part, about: large enough that cutting costs nothing, small enough to hold."""
_LOOK = 1 << 16

# A slash is taken along by the new lines before it (o200k_base); a mark joins what precedes it.
_LINE = re.compile(rb"\n(?=[!-.0-~]|([\xc2-\xf4][\x80-\xbf]+))")
_BLANK = re.compile(rb"[a-z](?= [a-z])")
_ANY_LINE = re.compile(rb"\n")


@value
class Span:
    """A part of a file, in bytes; `first` and `last`: the file begins with it, ends with it."""

    start: int
    end: int
    first: bool
    last: bool


def spans(file: BinaryIO, size: int, *, lines: bool = False) -> Iterator[Span]:
    """The parts of a file of `size` bytes, in order; with `lines`, cut after any new line.

    A part has about `SPAN` bytes, and more where there is no place to cut.
    """
    start = 0
    while start < size:
        end = _cut(file, start + SPAN, size, lines)
        yield Span(start, end, start == 0, end == size)
        start = end


def _cut(file: BinaryIO, at: int, size: int, lines: bool) -> int:
    """The first place from `at` on where the file may be cut; its end when there is none."""
    look = _LOOK
    while at < size:
        file.seek(at)
        data = file.read(look)
        if not data:
            break
        places = _ANY_LINE.finditer(data) if lines else _LINE.finditer(data)
        for match in places:
            if lines or match[1] is None or _opens_a_word(match[1]):
                return at + match.end()
        if not lines and (blank := _BLANK.search(data)):
            return at + blank.end()
        at += max(len(data) - 8, 1)  # what a window cuts in two is seen whole in the next
    return size


def _opens_a_word(data: bytes) -> bool:
    """Whether the first character is a letter or a digit: neither mark nor blank."""
    return data[:4].decode("utf-8", "ignore")[:1].isalnum()


class Counting(Protocol):
    """What counts: the part of a tokenizer that is needed here."""

    def count(self, text: str, *, specials: bool = False) -> int:
        """How many tokens `text` is, nothing added in front."""


def count(
    tokenizer: Counting, text: str, *, first: bool, follows: str, specials: bool = False
) -> int:
    """How many tokens a part adds to those of its file.

    `first` says that the file begins with it, `follows` is the character after it ("": none).
    Parts are encoded with a little of what is around them, which is counted off again: what
    follows a blank decides where the blank belongs, and some vocabularies treat the beginning of
    a text as if there were a blank. Nothing that the model's configuration adds is counted.
    """
    before = "" if first else "\n"
    after = " a" if follows == " " else follows  # as where the part was cut

    def size(text: str) -> int:
        return tokenizer.count(text, specials=specials)

    around = size(f"\n{after}") - (size("\n") if first else 0)
    return size(f"{before}{text}{after}") - around

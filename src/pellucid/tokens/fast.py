"""The engine for bulk work: gigatoken, when it is installed (`pip install pellucid[fast]`).

It was chosen by measurement (`benchmarks/tokens.py`) and serves any vocabulary whose ids are
ranks, under the expressions it knows. What is not certain to be exact is left to the reference:
characters younger than the Unicode that the vocabularies' authors split by, and pieces so long
that the reference is the faster one. It is told of no control tokens, so that no text becomes one.

It remembers every word it has seen and never forgets; so it is made anew when it has grown too
much, which costs a third of a second.
"""

from __future__ import annotations

import re
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from os import getpid
from typing import TYPE_CHECKING, Any

from .compiled import Compiled
from .unicode_age import SINCE_16

if TYPE_CHECKING:
    from numpy import uint32
    from numpy.typing import NDArray

SCHEMES = {
    "gpt-4o": "o200k",
    "cl100k": "gpt4",
    "qwen2": "qwen2",
}
"""Our names of pre-tokenizers -> gigatoken's. Llama 3 and DeepSeek are not among them: gigatoken
does not read their ranks."""

PART = 1 << 19
"""Characters that are encoded at once, about."""
LONGEST = 3 << 18
"""A part that cannot be cut to fewer characters is left to the reference."""
GROWTH = 40 << 20
"""Bytes by which the engine may grow before it is made anew."""
LOOK = 1 << 20
"""Characters of short texts between two looks at how much it grew."""

# Where every vocabulary cuts: see `spans`.
_PLACE = re.compile(r"\n(?=[!-.0-~]|\w)|[a-z](?= [a-z])")


def parts(text: str) -> Iterator[str]:
    """`text` in parts of about `PART` characters, whose tokens are together those of the whole."""
    start = 0
    while len(text) - start > PART:
        place = _PLACE.search(text, start + PART)
        if place is None:
            break
        yield text[start : place.end()]
        start = place.end()
    yield text[start:] if start else text


class FastBpe:
    """Encodes parts of texts in which nothing is special."""

    def __init__(self, vocabulary: Compiled) -> None:
        self._scheme = SCHEMES[vocabulary.pretokenizer]
        from psutil import Process

        self._Process = Process
        self._process = Process()
        self._growth = self._short = self._mark = 0
        self._file = tempfile.NamedTemporaryFile(suffix=".tiktoken")  # noqa: SIM115 kept open
        for piece, id in vocabulary.normal().items():
            self._file.write(b"%s %d\n" % (b64encode(piece), id))
        self._file.flush()
        self._make()

    @classmethod
    def of(cls, vocabulary: Compiled) -> FastBpe | None:
        """The engine of a vocabulary; `None` when it is not installed or cannot serve that one."""
        lacks = any(id is None for id in vocabulary.byte_ids)
        if not vocabulary.ranked or lacks or vocabulary.pretokenizer not in SCHEMES:
            return None
        if any(id != n for n, id in enumerate(vocabulary.normal().values())):
            return None  # it wants ids from 0 on, without gaps
        try:
            return cls(vocabulary)
        except ImportError:
            return None

    def encode(self, part: str) -> NDArray[uint32] | None:
        """The ids of a text of at most about `PART` characters; `None`: ask the reference."""
        if not part.isascii() and ("\u0295" in part or SINCE_16.found_in(part)):
            return None
        if len(part) > LONGEST:
            return None
        if len(part) > PART // 8:
            before = self._resident()
            found: NDArray[uint32] = self._engine.encode(part)
            self._grew(self._resident() - before - found.nbytes)
            return found
        found = self._engine.encode(part)
        self._short += len(part)
        if self._short > LOOK:
            self._grew(self._resident() - self._mark)
            self._mark, self._short = self._resident(), 0
        return found

    def _make(self) -> None:
        from gigatoken.gigatoken_rs import BPETokenizer

        self._engine: Any = None  # the old one goes first
        self._engine = BPETokenizer.from_tiktoken(self._file.name, self._scheme, {})
        self._growth = self._short = 0
        self._mark = self._resident()

    def _grew(self, bytes: int) -> None:
        self._growth += max(bytes, 0)
        if self._growth > GROWTH:
            self._make()

    def _resident(self) -> int:
        """Bytes of memory of this process."""
        if self._process.pid != getpid():  # a fork
            self._process = self._Process()
        resident: int = self._process.memory_info().rss
        return resident

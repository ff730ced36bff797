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
from collections.abc import Iterator
from os import getpid
from threading import Lock
from typing import TYPE_CHECKING, Any

from .compiled import Compiled

if TYPE_CHECKING:
    from numpy import uint32
    from numpy.typing import NDArray

SCHEMES = {
    "gpt-4o": "o200k",
    "cl100k": "gpt4",
    "qwen2": "qwen2",
}
"""Our names of pre-tokenizers -> gigatoken's, where it can read their ranks."""

AS_MERGES = {"llama-bpe", "llama3", "llama-v3", "tekken"}
"""Others that it has. Llama 3's vocabulary has tokens that their own bytes never merge into, at
which its reader of ranks gives up, and Tekken's ranks do not begin at 0; its reader of merges
takes both."""

GROWTH = 40 << 20
"""Bytes by which the engine may grow before it is made anew."""
LOOK = 1 << 20
"""Characters of short texts between two looks at how much it grew."""

# Where every vocabulary cuts: see `spans`. Byte-level ones also cut before a mark of punctuation.
# Each way begins with the same few characters, so that `re` skips all others at once.
_PLACE = re.compile(
    r"[\na-z，。、](?:(?<=\n)(?=[!-.0-~]|\w)|(?<=[a-z])(?= [a-z])|(?<=[一-鿿][，。、]))"
)


def parts(text: str, size: int) -> Iterator[str]:
    """`text` in parts of about `size` characters, whose tokens are together those of the whole."""
    start = 0
    while len(text) - start > size:
        place = _PLACE.search(text, start + size)
        if place is None:
            break
        end = place.end() - (place[0] in "，。、")
        yield text[start:end]
        start = end
    yield text[start:] if start else text


class FastBpe:
    """Encodes texts in which nothing is special."""

    PART = 1 << 19
    LONGEST = 3 << 18
    """Characters of the texts it is given, about, and at most."""

    def __init__(self, vocabulary: Compiled) -> None:
        from psutil import Process

        from . import fast_files

        self._Process = Process
        self._process = Process()
        self._lock = Lock()  # the engine cannot be used by two threads at a time
        self._growth = self._short = self._mark = 0
        gaps = any(id != n for n, (_, id) in enumerate(vocabulary.normal()))
        self._scheme = None if gaps else SCHEMES.get(vocabulary.pretokenizer)
        written = fast_files.tiktoken if self._scheme else fast_files.tokenizer_json
        self._data = written(vocabulary)
        self._make()

    @classmethod
    def of(cls, vocabulary: Compiled) -> FastBpe | None:
        """The engine of a vocabulary; `None` when it is not installed or cannot serve that one."""
        known = vocabulary.pretokenizer in SCHEMES or vocabulary.pretokenizer in AS_MERGES
        lacks = any(id is None for id in vocabulary.byte_ids)
        if not known or not vocabulary.ranked or lacks:
            return None
        try:
            return cls(vocabulary)
        except ImportError:
            return None

    def encode(self, part: str) -> NDArray[uint32]:
        """The ids of a text of at most `LONGEST` characters."""
        with self._lock:
            if len(part) > self.PART // 8:
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
        with tempfile.NamedTemporaryFile() as file:
            file.write(self._data)
            file.flush()
            self._engine = (
                BPETokenizer.from_tiktoken(file.name, self._scheme, {})
                if self._scheme
                else BPETokenizer.from_hf(file.name)
            )
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

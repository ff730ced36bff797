"""Counting a text that grows, such as a conversation before each of its turns.

counter = RunningCount(tokenizer.plain, specials=True)
counter.count(rendered)      # again and again: only what is new is read
"""

from __future__ import annotations

import re

from .tokenizer import BpeTokenizer

# Up to the last line that every vocabulary begins anew: see `spans`.
_LAST_LINE = re.compile(r"(?s:.*)\n(?=[!-.0-~]|\w)")


class RunningCount:
    """How many tokens a text is, when it mostly begins as the last one did.

    Everything up to the last line is settled: it is counted once. The number is that of the whole
    text, counted afresh.
    """

    def __init__(self, tokenizer: BpeTokenizer, *, specials: bool = False) -> None:
        self._tokenizer = tokenizer
        self._specials = specials
        self._last = ""
        self._settled = 0  # characters of the last text whose tokens are counted for good
        self._tokens = 0
        self._known: dict[tuple[str, str], int] = {}
        added = tokenizer.vocabulary
        # Where added tokens take blanks along, or hold lines, the end of a line may be no cut.
        spellings = "".join([*added.controls, *added.blanks])
        self._cuts = not added.swallows and "\n" not in spellings

    def count(self, text: str) -> int:
        """How many tokens `text` is, nothing added in front."""
        # The last text as it is, not a copy of its settled part: copies would cost more than all.
        if not text.startswith(self._last) and not text.startswith(self._last[: self._settled]):
            self._settled = self._tokens = 0
        rest = text[self._settled :]
        lines = _LAST_LINE.match(rest) if self._cuts else None
        end = lines.end() if lines else 0
        if end:
            self._tokens += self._size(rest[:end], rest[end])
            self._settled += end
        self._last = text
        return self._tokens + self._size(rest[end:], "")

    def _size(self, part: str, follows: str) -> int:
        # With what is around it, which is counted off again: see `spans.count`.
        before = "\n" if self._settled else ""
        whole = self._tokenizer.count(f"{before}{part}{follows}", specials=self._specials)
        return whole - self._around(before, follows)

    def _around(self, before: str, follows: str) -> int:
        known = self._known.get((before, follows))
        if known is None:
            count = self._tokenizer.count
            known = count(f"\n{follows}") - (0 if before else count("\n"))
            self._known[before, follows] = known
        return known

"""Chunks of a stream that differ in one string alone, read without parsing the rest again."""

from __future__ import annotations

from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

TRIES = 4
"""How many chunks are learned from before a stream is held to be of another kind: the first often
say more than the rest, and where every chunk differs (a time, padding), trying is lost work."""


class RepeatedChunk:
    """JSON objects whose only difference is the string after one key.

    What stands before and after that string must be the same, letter by letter, as in a chunk
    that was parsed in full; then the rest of the object says the same, too.
    """

    def __init__(self, key: str) -> None:
        self._key = f'"{key}":'
        self._before = ""
        self._after = ""
        self._tries = TRIES

    def string(self, text: str) -> str | None:
        """The string of a chunk that is as the learned one; `None` for any other chunk."""
        before = self._before
        if not before or not text.startswith(before) or not text.endswith(self._after):
            return None
        try:
            string, end = scanstring(text, len(before))
        except JSONDecodeError:
            return None
        return string if end == len(text) - len(self._after) else None

    def learn(self, text: str) -> None:
        """Remember a chunk whose whole meaning is the one string."""
        if self._tries and text.count(self._key) == 1:
            self._tries -= 1
            start = text.index('"', text.index(self._key) + len(self._key)) + 1
            self._before = text[:start]
            self._after = text[scanstring(text, start)[1] :]

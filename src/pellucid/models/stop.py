"""Stop strings, found in a stream without showing any part of them."""

from __future__ import annotations

from collections.abc import Sequence


class StopScanner:
    """Holds back text that might be the beginning of a stop string.

    The engine could look for them itself, but then its stream hides the ids of the tokens it
    holds back; here nothing is lost.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.found: str | None = None

    def feed(self, text: str) -> str:
        """The text that may be shown now. After a match, `found` is set: show no more."""
        self._held += text
        at, stop = min(
            ((i, s) for s in self._stops if (i := self._held.find(s)) >= 0), default=(-1, None)
        )
        if stop is not None:
            self.found = stop
            shown, self._held = self._held[:at], ""
            return shown
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def rest(self) -> str:
        """What was held back when the stream ended without a stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-length:]):
            return length
    return 0

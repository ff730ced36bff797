"""Stretches of tokens put together into a prompt, going on from the prompt before.

A conversation grows at its end, so nearly all of a prompt stood in the one before. What is equal
in text, control tokens, replayed ids and origins is taken over as it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ..tokens.encoding import Encoding
from .places import count_before, parted, shared_length
from .render import Rendered
from .replay import Replay
from .values import Span

TRIES = 12
"""Stretches, back from where two prompts part, at which the new one may go on."""

_start = itemgetter(0)
_end = itemgetter(1)


class Cut(NamedTuple):
    """The beginning of a stretch: its first character, the number of tokens before it, and the
    last span that they touch."""

    place: int
    tokens: int
    span: int


class Assembly:
    """A prompt in the making. Made from the one `before`, which it leaves as it is."""

    def __init__(
        self, rendered: Rendered, replays: Sequence[Replay], before: Assembly | None
    ) -> None:
        self.rendered = rendered
        self.replays = replays
        self.spans: list[Span] = []
        self.origins: list[tuple[int, ...]] = []
        self.done = 0
        """Characters of the text whose tokens are in place."""
        self._ids: list[int] = []
        self._pieces: list[bytes] = []
        self._offsets: list[tuple[int, int]] = []
        self._special: list[bool] = []
        self._cuts: list[Cut] = []
        self._at = 0
        """The span that the next token touches, or one before it."""
        cut = _last_shared(before, rendered, replays) if before else None
        if before and cut:
            self.done, tokens, span = cut
            self._at = span
            self.spans = before.spans[:span]
            self.origins = before.origins[:tokens]
            self._ids = before._ids[:tokens]
            self._pieces = before._pieces[:tokens]
            self._offsets = before._offsets[:tokens]
            self._special = before._special[:tokens]
            self._cuts = before._cuts[: bisect_left(before._cuts, cut)]
        self.spans += [Span(*extent) for extent in rendered.extents[len(self.spans) :]]

    def encoding(self, vocabulary: str) -> Encoding:
        return Encoding(
            self.rendered.text,
            tuple(self._ids),
            tuple(self._pieces),
            tuple(self._offsets),
            tuple(self._special),
            vocabulary,
        )

    def add(self, tokens: Encoding) -> None:
        """Append the tokens of the text that follows what is in place."""
        start = self.done
        self.done += len(tokens.text)
        last = self.origins[-1][-1] if self.origins else 0
        self._cuts.append(Cut(start, len(self._ids), last))
        self._ids += tokens.ids
        self._pieces += tokens.pieces
        self._special += tokens.special
        offsets = [(first + start, last + start) for first, last in tokens.offsets]
        self._offsets += offsets
        spans = self.spans
        while spans[self._at].end <= start:
            self._at += 1
        done = 0
        while done < len(offsets):
            border = spans[self._at].end
            before = bisect_right(offsets, border, lo=done, key=_end)
            self.origins += [(self._at,)] * (before - done)
            done = before
            while done < len(offsets) and offsets[done][0] < border:  # it straddles the border
                last = self._at
                while spans[last].end < offsets[done][1]:
                    last += 1
                self.origins.append(tuple(range(self._at, last + 1)))
                done += 1
            if done < len(offsets):
                self._at += 1


def _last_shared(before: Assembly, rendered: Rendered, replays: Sequence[Replay]) -> Cut | None:
    """The last cut of `before` up to which the new prompt has the same tokens and spans."""
    same = shared_length(before.rendered.text, rendered.text)
    cuts = before._cuts
    last = bisect_right(cuts, same, key=_start)
    for cut in reversed(cuts[max(0, last - TRIES) : last]):
        if _agrees(cut, before, rendered, replays):
            return cut
    return None


def _agrees(cut: Cut, before: Assembly, rendered: Rendered, replays: Sequence[Replay]) -> bool:
    old, place, span = before.rendered, cut.place, cut.span
    extents = rendered.extents
    # That a stretch of the new prompt begins here: nothing reaches over the cut, something ends.
    borders = (parted(rendered.controls, place), parted(replays, place))
    return (
        None not in borders
        and (any(borders) or place == 0)
        and _up_to(place, old.controls) == _up_to(place, rendered.controls)
        and _up_to(place, before.replays) == _up_to(place, replays)
        and old.extents[:span] == extents[:span]
        and span < len(extents)
        and extents[span][2] == old.extents[span][2]
        and extents[span][1] >= place
    )


def _up_to(place: int, ranges: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(ranges[: count_before(ranges, place)])

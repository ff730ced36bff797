"""Origins where fences do not tell: the best guess, marked as one by whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

from .fence import Fence, Reading
from .places import Place, shared_length

Region = tuple[int, int, Fence]


def around_lone(reading: Reading, whole: Iterable[Place]) -> list[Region]:
    """The regions of a reading, and one for each mark whose partner is gone: the longest stretch
    of its text beside it. None of those cuts into a range of `whole`."""
    whole = list(whole)
    found: list[Region] = []
    for place, fence in reading.lone:
        after = shared_length(reading.swapped[place:], fence.swapped)
        before = shared_length(reading.swapped[:place][::-1], fence.swapped[::-1])
        start, end = (place, place + after) if after >= before else (place - before, place)
        for first, last in whole:
            start = last if first < start < last else start
            end = first if first < end < last else end
        found.append((start, end, fence))
    return without_overlap([*reading.regions, *found])


def by_search(text: str, fences: Iterable[Fence]) -> list[Region]:
    """A region for each text that stands in `text` as it is, looked for in order."""
    found: list[Region] = []
    start = 0
    for fence in fences:
        core = (fence.text or "").strip()
        place = text.find(core, start) if core else -1
        if place >= 0:
            start = place + len(core)
            found.append((place, start, fence))
    return found


def without_overlap(regions: Iterable[Region]) -> list[Region]:
    """`regions` in order of place; one that reaches into an earlier one is left out."""
    kept: list[Region] = []
    for region in sorted(regions, key=lambda region: region[:2]):
        if region[0] < region[1] and (not kept or region[0] >= kept[-1][1]):
            kept.append(region)
    return kept

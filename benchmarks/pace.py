"""The pace of a core. A virtual machine shares its cores: what others do on the same one takes a
third of its speed, for tenths of a second or for minutes, and no count of stolen time tells. What
is measured meanwhile is measured again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

SLOWED = 1.25
"""Times the least that some work took, from which on the core counts as slowed by others."""
TRIES = 10
"""Loads until one counts though the core was slowed."""
PATIENCE = 3.0
"""Seconds to wait before each for the core's full pace."""
T = TypeVar("T")


class Pace:
    """That of one core. `counted` loads were asked for, `disturbed` were slowed at each try."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._best = min([self._seconds() for _ in range(500)])
        self.counted = self.disturbed = 0

    def _seconds(self) -> float:
        """What some work takes that needs the core alone: no memory, no system."""
        here = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self._core})
        began = time.perf_counter()
        for number in range(200_000):
            number & 7
        taken = time.perf_counter() - began
        os.sched_setaffinity(0, here)
        return taken

    def _full(self) -> bool:
        return self._seconds() < self._best * SLOWED

    def undisturbed(self, load: Callable[[], T]) -> list[T]:
        """What `load` gave, each time; the last, which counts, at full pace before and after."""
        found: list[T] = []
        self.counted += 1
        for _ in range(TRIES):
            patience = time.monotonic() + PATIENCE
            while not (before := self._full()) and time.monotonic() < patience:
                time.sleep(0.02)
            found.append(load())
            if before and self._full():
                return found
        self.disturbed += 1
        return found

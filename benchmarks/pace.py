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
PATIENCE = 120.0
"""Seconds, in all, to wait for the core's full pace before a load."""
REST = 0.05
"""Seconds after a load in which a server may end what it still does."""
T = TypeVar("T")


class Pace:
    """That of one core. Of the loads that were `asked` for, `made` were made, and `disturbed` count
    though the core was slowed."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._best = min([self._seconds() for _ in range(500)])
        self._patience = PATIENCE
        self.asked = self.made = self.disturbed = 0

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
        taken = self._seconds()
        self._best = min(self._best, taken)
        return taken < self._best * SLOWED

    def _wait(self) -> bool:
        """Until the core is at its full pace, or all patience is spent."""
        began = time.monotonic()
        while not (full := self._full()) and time.monotonic() - began < self._patience:
            time.sleep(0.02)
        self._patience -= time.monotonic() - began
        return full

    def undisturbed(self, load: Callable[[], T]) -> list[T]:
        """What `load` gave, each time; the last counts. It is the first at full pace before and
        after, if there is one."""
        found: list[T] = []
        self.asked += 1
        for _ in range(TRIES):
            full = self._wait()
            found.append(load())
            self.made += 1
            time.sleep(REST)
            if full and self._full():
                return found
            if not full:
                break
        self.disturbed += 1
        return found

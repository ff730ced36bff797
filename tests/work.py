"""How much work something is, in a number that no machine and nothing else on it changes; how soon
it is done; what becomes of it in many threads."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls(action: Callable[[], object]) -> int:
    """How many functions `action` calls in this thread, Python's own and those written in C.

    What is only done once, to be kept, is not counted: `action` runs before, too.
    """
    found = 0

    def count(frame: FrameType, event: str, function: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    action()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(before)
    return found


def seconds(action: Callable[[], object], times: int = 3) -> float:
    """The least processor time of several runs: to be set beside another, never beside a clock."""
    found = []
    for _ in range(times):
        began = time.thread_time()
        action()
        found.append(time.thread_time() - began)
    return min(found)


def is_linear(action: Callable[[Any], object], small: Any, large: Any) -> bool:
    """Whether eight times as much takes about eight times as long, and not 64 times.

    Both are measured on the same machine a moment apart. Below a hundredth of a second the clock
    and the caches decide.
    """
    assert 7 <= len(large) / len(small) <= 9
    few = seconds(lambda: action(small))
    return seconds(lambda: action(large)) < 24 * max(few, 0.01)


SOON = 20.0
"""Seconds until what should be done at once counts as hanging: many times what any of it takes,
since a test's machine may be slow and busy. How soon it is, the benchmarks say."""


def soon(true: Callable[[], object], seconds: float = SOON) -> bool:
    """Whether it is true before so many seconds."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.01)
    return bool(found)


def at_once(work: Callable[[int], object], threads: int = 8) -> list[Exception]:
    """Call `work` with 0, 1, 2 .. in threads that change places as often as can be; what failed."""
    failed: list[Exception] = []

    def tried(number: int) -> None:
        try:
            work(number)
        except Exception as error:
            failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        started = [threading.Thread(target=tried, args=(i,)) for i in range(threads)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    return failed

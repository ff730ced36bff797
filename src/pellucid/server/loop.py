"""The event loop that a server runs on: uvloop's where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

TURN = 0.001
"""Seconds after which a thread at work, such as the one that writes receipts, lets the loop in:
Python's own 5 ms would be felt in every answer; with a tenth of this, the two changing places takes
a tenth of the processor."""
STARTED = 2.0
"""Seconds after which what was made at the start, most of all there is, counts as there to stay."""
YOUNG, MIDDLE = 20_000, 20
"""Objects, and collections of these, after which garbage is looked for: Python's own figures are
for programs that make little, and cost a server a seventh of its time."""
_M_ARENA_MAX = -8
"""https://man7.org/linux/man-pages/man3/mallopt.3.html"""
T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, in a process that is there to serve."""
    one_heap()
    sys.setswitchinterval(TURN)
    gc.set_threshold(YOUNG, MIDDLE, MIDDLE)
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.run(_serve(main))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(main))


def one_heap() -> None:
    """Have the C library keep one heap for all threads. glibc gives each of many its own, and each
    fills its own holes: for hours of steady load memory goes on growing."""
    # There may be no such call, or no way to it.
    with contextlib.suppress(ImportError, OSError, TypeError, AttributeError):
        import ctypes

        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


async def _serve(main: Coroutine[Any, Any, T]) -> T:
    timer = asyncio.get_running_loop().call_later(STARTED, _settle)
    try:
        return await main
    finally:
        timer.cancel()


def _settle() -> None:
    """Spare what there is from being looked through again and again, at 50 ms each."""
    gc.collect()
    gc.freeze()

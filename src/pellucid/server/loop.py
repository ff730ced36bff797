"""The event loop that a server runs on: uvloop's where it is installed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

TURN = 0.0005
"""Seconds after which a thread at work, such as the one that writes receipts, lets the loop in:
Python's own 5 ms would be felt in every answer."""
T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, in a process that is there to serve."""
    sys.setswitchinterval(TURN)
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)

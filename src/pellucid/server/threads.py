"""Threads for what would hold up the loop. None of them keeps the process when it is to end."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
_BUSY: set[int] = set()
"""Threads that are at work."""


class Threads(Executor):
    """At most so many, made as they are needed. The standard library's own are waited for at the
    end of the process, however long a download or a transcription takes."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._made = 0
        self._free = threading.Semaphore(0)
        """One for each thread that has nothing to do, and no work that is meant for it."""
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()

    def submit(self, work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self._work.put((future, lambda: work(*args, **named)))
        if not self._free.acquire(blocking=False) and self._made < self._most:
            self._made += 1
            name = f"{self._name}_{self._made}"
            threading.Thread(target=self._run, name=name, daemon=True).start()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Begin nothing more. What is under way is not waited for."""
        try:
            while (item := self._work.get_nowait()) is not None:
                item[0].cancel()
        except Empty:
            pass
        for _ in range(self._made):
            self._work.put(None)

    def _run(self) -> None:
        me = threading.get_ident()
        while (item := self._work.get()) is not None:
            _BUSY.add(me)
            future, work = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del item, future, work  # not held while it waits
            _BUSY.discard(me)
            self._free.release()


def leave(code: int) -> int:
    """The code with which the process is to end. Where a thread is still at work it ends here: at
    Python's own end one that is inside a library written in C++ would have it abort."""
    if _BUSY:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


_ASIDE = Threads(16, "aside")


async def in_thread(work: Callable[[], T]) -> T:
    """For what is done soon: a look at files, at receipts."""
    return await asyncio.get_running_loop().run_in_executor(_ASIDE, work)

"""Work on several cores, by children that give their memory back.

What the parent has made in memory is shared with the children it forks. A child that has grown too
much is followed by a new one, forked from the parent again: what the child remembered is gone, and
nothing is made twice. (`multiprocessing.Pool` forks anew after so many tasks, not by size.)
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from ..errors import TokenError

T = TypeVar("T")
R = TypeVar("R")

GROWTH = 40 << 20
"""Bytes by which a child may grow: more than it takes to remember a language and hold a text."""
AHEAD = 2
"""Tasks a child is given at once, so that it never waits for the next."""
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one of `ru_maxrss`."""


def ordered(
    tasks: Iterable[T], work: Callable[[T], R], start: Callable[[], object], processes: int
) -> Iterator[R]:
    """`work` done on each task, in their order. `start` is called first in every child.

    Raises `TokenError` when a child was ended from outside.
    """
    waiting = enumerate(tasks)
    children = [_Child(work, start) for _ in range(processes)]
    found: dict[int, R] = {}
    told = 0
    try:
        while True:
            for child in children:
                child.give(waiting)
            busy = {child.pipe: child for child in children if child.given}
            if not busy:
                return
            for pipe in wait(list(busy)):
                child = busy[pipe]  # type: ignore[index]
                number, result = child.take()
                found[number] = result
                if child.grown and not child.given:
                    child.end()
                    children[children.index(child)] = _Child(work, start)
            while told in found:
                yield found.pop(told)
                told += 1
    finally:
        for child in children:
            child.end()


class _Child(Generic[T, R]):
    def __init__(self, work: Callable[[T], R], start: Callable[[], object]) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.given: deque[int] = deque()
        self.grown = False
        self._process = multiprocessing.Process(
            target=_serve, args=(theirs, work, start), daemon=True
        )
        self._process.start()
        theirs.close()

    def give(self, waiting: Iterator[tuple[int, T]]) -> None:
        while not self.grown and len(self.given) < AHEAD:
            number, task = next(waiting, (None, None))
            if number is None:
                return
            self.pipe.send(task)
            self.given.append(number)

    def take(self) -> tuple[int, R]:
        """The number of a task and what came of it."""
        try:
            result, grown = self.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise TokenError(
                "A process that counted was ended from outside, maybe for lack of memory."
            ) from error
        self.grown = self.grown or grown
        return self.given.popleft(), result

    def end(self) -> None:
        self.pipe.close()
        self._process.terminate()
        self._process.join()


def _serve(
    pipe: Connection, work: Callable[[T], R], start: Callable[[], object]
) -> None:  # a child's whole life
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    start()
    parent = multiprocessing.parent_process()
    assert parent is not None
    before = _largest()
    while pipe in wait([pipe, parent.sentinel]):
        result = work(pipe.recv())
        pipe.send((result, _largest() - before > GROWTH))


def _largest() -> int:
    """Bytes of memory of this process, when they were most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT

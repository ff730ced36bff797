"""A client's turn: at a model of a host, or at a part of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

from ..dialects.base import Failure
from ..errors import MissingKey
from ..models.hosted import HostedModel
from .failures import Refused
from .visit import Visit

T = TypeVar("T")


@asynccontextmanager
async def at_host(visit: Visit, model: HostedModel) -> AsyncIterator[None]:
    """In the queue of a host's model. Raises `Refused`: when that is full, and without a key."""
    try:
        model.endpoint.require_key()
    except MissingKey as error:  # no model of this machine would answer instead
        raise Refused(Failure(401, "key", str(error))) from None
    slot = await visit.server.gate(model).enter(visit.client)
    try:
        yield
    finally:
        slot.give_back()


class Turn:
    """In the queue of a part of this machine, which does one thing at a time. An async context
    manager; raises `Refused` when the queue is full.

    Where the client leaves, what was begun goes on until it asks `stopped`: the next one's turn
    comes when it has left off.
    """

    def __init__(self, visit: Visit, part: str) -> None:
        self._visit = visit
        self._gate = visit.server.part(part)
        self._left = False
        self._doing: asyncio.Future[Any] | None = None

    async def __aenter__(self) -> Self:
        self._slot = await self._gate.enter(self._visit.client)
        return self

    async def do(self, work: Callable[[], T]) -> T:
        """What the work comes to, done in a thread. Raises what it raises."""
        done = asyncio.wrap_future(self._visit.server.threads.submit(work))
        self._doing = done
        return await asyncio.shield(done)

    def stopped(self) -> bool:
        """Whether nobody waits any more."""
        return self._left

    async def __aexit__(self, *_: object) -> None:
        self._left = True
        if self._doing is None:
            self._slot.give_back()
        else:  # at once, if it is done
            self._doing.add_done_callback(self._end)

    def _end(self, done: asyncio.Future[Any]) -> None:
        if not done.cancelled():
            done.exception()  # asked for, also where nobody waits
        self._slot.give_back()

"""The queue in front of a model: bounded, and fair to every client."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from ..dialects.base import Failure
from .failures import BUSY, Refused


class Gate:
    """Lets `slots` calls through at a time. Those that wait take turns by client, not by call."""

    def __init__(self, slots: int, waiting: int) -> None:
        self.slots = self.free = slots
        self.waiting = 0
        self._most = waiting
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._seconds = 1.0
        """What a call took of late, on average."""

    @property
    def busy(self) -> bool:
        """Whether a call runs; none waits where none does."""
        return self.free < self.slots

    async def enter(self, client: str) -> Pass:
        """A slot, when it is this client's turn. Raises `Refused` when too many wait already."""
        if self.free:
            self.free -= 1
            return Pass(self)
        if self.waiting >= self._most:
            raise Refused(
                Failure(BUSY, "overloaded", f"{self.waiting} calls wait already; try again soon."),
                self._patience(),
            )
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(client, deque()).append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn came in the same moment
                self.leave()
            elif turn in self._queues.get(client, ()):
                self._queues[client].remove(turn)
                self._taken(client)
            raise
        return Pass(self)

    def leave(self) -> None:
        """Hand the slot on."""
        while self._queues:
            client = next(iter(self._queues))
            turn = self._queues[client].popleft()
            self._taken(client)
            if not turn.cancelled():
                turn.set_result(None)
                return
        self.free += 1

    def _taken(self, client: str) -> None:
        """One call of a client waits no more; its others go behind those of the rest."""
        self.waiting -= 1
        queue = self._queues.pop(client)
        if queue:
            self._queues[client] = queue

    def took(self, seconds: float) -> None:
        self._seconds += (seconds - self._seconds) / 8

    def _patience(self) -> int:
        return min(60, max(1, round(self._seconds * self.waiting / self.slots)))


class Pass:
    """A slot in use, given back once."""

    def __init__(self, gate: Gate) -> None:
        self._gate: Gate | None = gate
        self._since = time.monotonic()

    def give_back(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.took(time.monotonic() - self._since)
            gate.leave()

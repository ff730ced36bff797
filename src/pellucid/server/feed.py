"""The events of a call for the server's loop: in batches, whatever thread they come from."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor

from ..calls import Call
from ..models.base import Stopped
from ..replies import Event


class Feed:
    """Reads a call's events as they come; `batches` hands over what has gathered.

    However it ends, `done` is called when the model has nothing more to do with it.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._pending: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self._error: BaseException | None = None
        self._call: Call | None = None
        self._gone = False

    def read_in(
        self, executor: Executor, prepare: Callable[[Stopped], Call]
    ) -> asyncio.Future[None]:
        """Prepare a call and read its events in a thread; `prepare` may ask whether to go on.

        What is returned is done when the thread is, and so has kept the call's receipt.
        """
        loop = asyncio.get_running_loop()

        def pump() -> None:
            call = self._call = prepare(lambda: self._gone)
            if self._gone:
                return
            for event in call:
                self._pending.append(event)
                if len(self._pending) == 1:
                    loop.call_soon_threadsafe(self._wake.set)
                if self._gone:
                    call.cancel()

        future = asyncio.wrap_future(executor.submit(pump), loop=loop)
        # Cancelling this would not stop the thread; `done` is to be called when it stops.
        future.add_done_callback(lambda each: self._end(each.exception()))
        return future

    async def batches(self) -> AsyncGenerator[list[Event], None]:
        """Raises what the call raised."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch = []
            while self._pending:
                batch.append(self._pending.popleft())
            if batch:
                yield batch
            if self._ended and not self._pending:
                if self._error is not None:
                    raise self._error
                return

    def close(self) -> None:
        """Nobody wants more: the call is cancelled, unless it has ended."""
        if not self._ended:
            self._gone = True
            if self._call is not None:
                self._call.cancel()

    def abandon(self) -> None:
        """Wait no longer for a call that was closed: its receipt is of what came so far."""
        if self._call is not None:
            self._call.abandon()

    def _end(self, error: BaseException | None) -> None:
        self._ended = True
        self._error = error
        self._wake.set()
        self._done()

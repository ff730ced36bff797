"""The only place that invokes a model and writes the receipt."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, Self

from . import __version__
from .errors import IncompleteReply, PellucidError
from .messages import Message, Request, Thinking, ToolCall
from .models.base import Model
from .prompt.values import Prompt
from .record.ids import new_id
from .record.receipt import Memory, Receipt, Timings
from .replies import (
    Event,
    Finish,
    FinishReason,
    RefusalDelta,
    Reply,
    ReplyBuilder,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)

FORGOT_NOTHING = Memory()
Take = Callable[[Sequence[Event]], None]


class Call:
    """One call to a model: iterate over it for the events; `receipt` is there afterwards.

    Whatever ends the call early (an error, a closed iterator, Ctrl-C) leaves a receipt of the
    part that arrived, marked as cut or failed. `keep` is given the receipt before the iteration
    ends. `replayed` says how many of the request's messages had been sent or answered before;
    `app` is who asks, `notes` what the receipt is to say beside what the call itself tells.
    """

    def __init__(
        self,
        model: Model,
        request: Request,
        prompt: Prompt | None,
        *,
        conversation: str = "",
        parent: str | None = None,
        memory: Memory | None = None,
        replayed: int = 0,
        app: str = "pellucid",
        notes: tuple[str, ...] = (),
        keep: Callable[[Receipt], None] | None = None,
    ) -> None:
        self.receipt: Receipt | None = None
        self._model = model
        self._request = request
        self._prompt = prompt
        self._id = new_id(time.time())
        self._conversation = conversation or self._id
        self._parent = parent
        self._memory = memory or FORGOT_NOTHING
        self._replayed = replayed
        self._app = app
        self._notes = notes
        self._keep = keep
        self._stream: Iterator[Event] = iter(())
        self._cancelled = False
        self._recording: _Recording | None = None

    def cancel(self) -> None:
        """End the call from another thread than the one that iterates.

        What waits for a host's next bytes ends at once, and as if the iterator had been closed; a
        model whose stream belongs to its thread ends with its next event.
        """
        self._cancelled = True
        if isinstance(self._stream, Generator):
            with contextlib.suppress(PellucidError, ValueError):  # a generator at work
                self._stream.close()

    def abandon(self) -> None:
        """Write the receipt of what came, from another thread, where the one that iterates does not
        come back from the model after `cancel`."""
        if self._recording is not None:
            self._recording.end("cut", None)

    @property
    def id(self) -> str:
        """The id that the receipt will have."""
        return self._id

    def __iter__(self) -> Iterator[Event]:
        stream = self._stream = self._model.stream(self._request, self._prompt)
        try:
            with _Recording(self) as recording:
                self._recording = recording
                for event in stream:
                    if self._cancelled:
                        break
                    recording.add((event,))
                    yield event
                    if isinstance(event, Finish):
                        return
        finally:
            if isinstance(stream, Generator):
                with contextlib.suppress(PellucidError):
                    stream.close()

    async def receive(
        self, stream: AsyncGenerator[list[Event], None]
    ) -> AsyncGenerator[list[Event], None]:
        """The same for a model's stream that needs no thread, as many events at a time as came
        together. Closing it, or cancelling its task, ends the call."""
        try:
            with _Recording(self) as recording:
                async for events in stream:
                    recording.add(events)
                    yield events
                    if events and isinstance(events[-1], Finish):
                        return
        finally:
            await stream.aclose()

    async def complete(self, run: Callable[[Take], Awaitable[None]]) -> None:
        """The same where the events are of use once all are there: `run` hands them over, as many
        at a time as came together. Cancelling its task ends the call."""
        with _Recording(self) as recording:
            await run(recording.add)

    def _write(self, builder: ReplyBuilder, reply: Reply, clock: _Clock) -> None:
        self.receipt = Receipt(
            id=self._id,
            created=clock.created,
            model=self._model.name,
            conversation=self._conversation,
            request=self._request,
            prompt=self._prompt,
            reply=reply,
            timings=clock.timings(),
            memory=self._memory,
            window=self._model.window,
            parent=self._parent,
            app=self._app,
            versions={"pellucid": __version__, **self._model.versions()},
            settings=dict(self._model.settings()),
            notes=(*self._notes, *(self._prompt.notes if self._prompt else ()), *reply.notices),
            replayed_messages=self._replayed,
            exchange=builder.exchange,
        )
        if self._keep is not None:
            self._keep(self.receipt)


class _Recording:
    """Takes a call's events; however the block is left, there is a receipt of them."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._builder = ReplyBuilder()
        self._clock = _Clock()
        self._ending = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def add(self, events: Sequence[Event]) -> None:
        self._builder.add_all(events)
        self._clock.saw(events)
        if events and isinstance(events[-1], Finish):
            with self._ending:
                if self._call.receipt is None:  # else it was abandoned a moment ago
                    self._call._write(self._builder, self._builder.reply(), self._clock)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        call = self._call
        if call.receipt is not None:
            return
        missing = None
        if error is None and not call._cancelled:
            error = missing = IncompleteReply(
                f"The stream of {call._model.name} ended before the model said it was "
                "finished; what arrived is kept and marked as cut."
            )
        if isinstance(error, PellucidError):
            self.end("error", str(error))
        else:
            self.end("cut", None)
        if missing is not None:
            raise missing

    def end(self, finish: FinishReason, said: str | None) -> None:
        """A receipt of what came, unless there is one."""
        with self._ending:
            if self._call.receipt is None:
                self._end(finish, said)

    def _end(self, finish: FinishReason, said: str | None) -> None:
        call, exchange = self._call, self._builder.exchange
        reply = self._builder.partial(finish, said)
        if reply.usage.known == "estimated" and exchange is not None and exchange.status == 200:
            reply = replace(reply, usage=_guess(call._request, reply.message))
        call._write(self._builder, reply, self._clock)


BYTES = 4
"""Bytes of a token, about."""


def _guess(request: Request, answer: Message) -> Usage:
    """About what a host consumed whose reply broke off before it said so."""
    read = sum(map(_size, request.messages)) + sum(len(repr(tool)) for tool in request.tools)
    return Usage(fresh=-(-read // BYTES), output=-(-_size(answer) // BYTES), known="estimated")


def _size(message: Message) -> int:
    parts = [part for part in message.parts if isinstance(part, Thinking | ToolCall)]
    beside = "".join(p.text if isinstance(p, Thinking) else p.arguments for p in parts)
    return len((message.text + beside).encode("utf-8", "replace"))


_SAID = frozenset((TextDelta, RefusalDelta, ThinkingDelta, ToolCallDelta))
"""Kinds of events that carry something of the reply."""


class _Clock:
    """Seconds, to the microsecond."""

    def __init__(self) -> None:
        self.created = time.time()
        self._start = time.perf_counter_ns()
        self._first: float | None = None
        self._rates: dict[str, Any] = {}

    def saw(self, events: Sequence[Event]) -> None:
        for event in events:
            if self._first is None and type(event) in _SAID:
                self._first = self._since()
            elif type(event) is UsageEvent:
                self._rates = {"reading": event.reading, "writing": event.writing}

    def timings(self) -> Timings:
        return Timings(total=self._since(), first_token=self._first, **self._rates)

    def _since(self) -> float:
        return (time.perf_counter_ns() - self._start) // 1000 / 1e6

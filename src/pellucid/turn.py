"""One turn of a conversation: a message, the reply to it, and the tools called in between."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from .calls import Call
from .errors import StoreError, UsageError
from .messages import Message, Request, ToolCall, ToolResult
from .record.receipt import Receipt
from .replies import Event, Reply, TextDelta
from .tools.running import Limits, Toolbox, ToolRan, approval

if TYPE_CHECKING:
    from .chat import Chat


class Turn:
    """One message and the reply to it. Iterate for text, `async for` works too; `events()` gives
    everything. `reply` and `receipt` are there at the end, and also when it was cut short.

    The conversation grows when the iteration ends: by the message and what was received.
    """

    def __init__(self, chat: Chat, message: Message, tools: Toolbox | None = None) -> None:
        self.chat = chat
        self.message = message
        self.receipt: Receipt | None = None
        self._tools = chat.tools if tools is None else tools
        self._sent: tuple[Message, ...] = (message,)
        """What is part of the conversation once it was answered."""
        self._stop = threading.Event()
        self._notes: tuple[str, ...] = ()
        self._begun = False
        self._kept_nowhere = False
        self._running: Call | None = None

    @property
    def reply(self) -> Reply:
        if self.receipt is None:
            raise UsageError("The reply is not there yet: iterate over the turn first.")
        return self.receipt.reply

    def __iter__(self) -> Iterator[str]:
        for event in self.events():
            if isinstance(event, TextDelta):
                yield event.text

    async def __aiter__(self) -> AsyncIterator[str]:
        """The reply is read in a thread of its own, which also ends it when this is cancelled."""
        import asyncio

        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str | BaseException | None] = asyncio.Queue()

        def put(item: str | BaseException | None) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, item)

        def read() -> None:
            events = self.events()
            try:
                for event in events:
                    if self._stop.is_set():
                        break
                    if isinstance(event, TextDelta):
                        put(event.text)
            except BaseException as error:
                put(error)
            finally:
                events.close()
                put(None)

        reading = loop.run_in_executor(None, read)
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.cancel()
            await asyncio.wait([reading])

    def cancel(self) -> None:
        """End the turn from another thread than the one that iterates, also where that waits for
        a host that says nothing."""
        self._stop.set()
        if self._running is not None:
            self._running.cancel()

    def events(self) -> Generator[Event | ToolRan, None, None]:
        """Everything as it happens: the reply's events; where it calls tools, their results, and
        the events of the replies to those."""
        if self._begun:
            raise UsageError("This turn was sent already; `retry` asks for another reply.")
        self._begun = True
        limits = Limits()
        try:
            yield from self._call()
            while calls := self._wanted():
                ran = yield from self._results(calls)
                self._notes = tuple(approval(each.call) for each in ran if each.approved)
                yield from self._call("auto" if limits.allow(ran) else "none")
        finally:
            self.chat._close_calls(self._why_not_run())

    def _results(self, calls: list[ToolCall]) -> Generator[ToolRan, None, list[ToolRan]]:
        """Carry the calls out. Each has a result in the conversation, also where this is cut
        short: what was done was done, and hosts refuse a history of calls without results."""
        ran: list[ToolRan] = []
        try:
            for each in self._tools.run(calls, self._stop, self.message.text):
                ran.append(each)
                yield each
        finally:
            stopped = [
                ToolResult(call.id, call.name, f"{call.name} was stopped.", True)
                for call in calls[len(ran) :]
            ]
            self.chat._append(Message("tool", (*(each.result for each in ran), *stopped)))
        return ran

    def _wanted(self) -> list[ToolCall]:
        """The calls of the last reply that there are tools for, none after it was told to stop."""
        assert self.receipt is not None
        if not self._tools.tools or self.receipt.request.tool_choice == "none":
            return []
        if not self.reply.complete:
            return []
        return [part for part in self.reply.message.parts if isinstance(part, ToolCall)]

    def _why_not_run(self) -> str:
        """Of calls that were left over."""
        if self.receipt is None or not self.reply.complete:
            return "the reply broke off"
        if not self._tools.tools:
            return "no tools are offered any more"
        if self.receipt.request.tool_choice == "none":
            return "an answer in words was asked for"
        return "it was stopped"

    def _call(self, tool_choice: str = "auto") -> Generator[Event, None, None]:
        """One call to the model, after all that was said and done so far."""
        chat = self.chat
        request, prompt, memory = chat._prepare(
            (*chat.messages, *self._sent), self._tools, tool_choice, self._stop.is_set
        )
        yield from self._follow(
            Call(
                chat.model,
                request,
                prompt,
                conversation=chat._conversation,
                parent=chat.receipts[-1].id if chat._conversation and chat.receipts else None,
                memory=memory,
                replayed=self._replayed(request),
                notes=self._notes,
                keep=self._keep,
            )
        )

    def _follow(self, call: Call) -> Generator[Event, None, None]:
        """The events of a call, which can be cancelled from now on."""
        self._running = call
        if self._stop.is_set():  # told so before there was a call to end
            call.cancel()
        for event in call:
            try:
                self.chat.open_store()
            except StoreError:  # said now, before the reply, and not once more when it is cut
                self._kept_nowhere = True
                raise
            yield event

    def _replayed(self, request: Request) -> int:
        """How many of the first messages the last call had sent or received."""
        if not self.chat.receipts:
            return 0
        last = self.chat.receipts[-1]
        known = {*last.memory.dropped, *last.request.messages, last.reply.message}
        return len(list(takewhile(known.__contains__, request.messages)))

    def _keep(self, receipt: Receipt) -> None:
        chat = self.chat
        self.receipt = receipt
        chat._conversation = receipt.conversation
        if answered(receipt):
            for message in (*self._sent, sendable(receipt.reply.message)):
                chat._append(message)
            self._sent = ()
        if not self._kept_nowhere:
            chat._keep(receipt)


def answered(receipt: Receipt) -> bool:
    """Whether anything came back: only then is the turn part of the conversation."""
    return receipt.reply.complete or bool(receipt.reply.message.parts)


def sendable(message: Message) -> Message:
    """A reply as part of what is sent next. Many hosts refuse a history with arguments that are no
    JSON object; what the model wrote instead is in the receipt, and in the call's failed result."""
    parts = tuple(
        replace(part, arguments="{}")
        if isinstance(part, ToolCall) and not _is_object(part.arguments)
        else part
        for part in message.parts
    )
    return message if parts == message.parts else replace(message, parts=parts, produced=None)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text or "{}"), dict)
    except (ValueError, RecursionError):
        return False

"""Which conversation a request goes on with: its first messages were sent, and answered, before.

Clients of these APIs send the whole conversation each time, as text. What is recognised here gets
the ids back that the model wrote, so that the prefix in its cache stays what it was.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from ..messages import Message, Request, ToolCall
from ..record.receipt import Receipt
from ..value import value

MOST = 4096
"""Replies that are remembered; the oldest are forgotten first."""


@value
class Place:
    """Where a call belongs: its conversation and the call before it, and how many of its messages
    those held. `request` has the ids that the model wrote; `key` stands for all its messages."""

    request: Request
    key: int
    conversation: str = ""
    parent: str | None = None
    replayed: int = 0


@value
class _Said:
    message: Message
    receipt: str
    conversation: str


class Conversations:
    """The replies given of late, by all that was said up to each."""

    def __init__(self) -> None:
        self._said: dict[int, _Said] = {}
        self._lock = threading.Lock()

    def place(self, request: Request) -> Place:
        """Where a request goes on."""
        last: tuple[int, _Said] | None = None
        messages = list(request.messages)
        key = 0
        for i, message in enumerate(messages):
            key = _key(key, message)
            if message.role == "assistant" and (known := self._said.get(key)):
                last = i + 1, known
                if known.message.parts == message.parts:
                    messages[i] = replace(message, produced=known.message.produced)
        if last is None:
            return Place(request, key)
        count, known = last
        again = replace(request, messages=tuple(messages))
        return Place(again, key, known.conversation, known.receipt, count)

    def remember(self, place: Place, receipt: Receipt) -> None:
        """What was answered there."""
        reply = receipt.reply.message
        key = _key(place.key, reply)
        with self._lock:  # calls of models on this machine are remembered by their threads
            self._said.pop(key, None)
            self._said[key] = _Said(reply, receipt.id, receipt.conversation)
            if len(self._said) > MOST:
                del self._said[next(iter(self._said))]


def _key(before: int, message: Message) -> int:
    """What stands for the conversation up to a message. Clients do not send thinking back, nor
    always the ids of calls."""
    calls = tuple([(p.name, p.arguments) for p in message.parts if type(p) is ToolCall])
    return hash((before, message.role, message.text, calls))

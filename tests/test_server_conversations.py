"""What servers remember of conversations, while many threads add to it."""

from __future__ import annotations

from dataclasses import replace

from pellucid.messages import Request, text_message
from pellucid.server import conversations
from pellucid.server.conversations import Conversations
from sample_receipts import second_turn
from work import at_once


def test_threads_that_remember_at_once_forget_each_the_oldest() -> None:
    kept, receipt = Conversations(), second_turn()

    def remember(thread: int) -> None:
        for number in range(3000):
            request = Request((text_message("user", f"{thread} {number}"),))
            kept.remember(kept.place(request), replace(receipt, request=request))

    assert at_once(remember) == []
    assert len(kept._said) == conversations.MOST

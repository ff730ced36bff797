"""What servers remember of conversations, while many threads add to it."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace

from pellucid.messages import Request, text_message
from pellucid.server import conversations
from pellucid.server.conversations import Conversations
from sample_receipts import second_turn


def test_threads_that_remember_at_once_forget_each_the_oldest() -> None:
    kept, receipt, failed = Conversations(), second_turn(), []

    def remember(first: int) -> None:
        try:
            for number in range(first, first + 3000):
                request = Request((text_message("user", str(number)),))
                kept.remember(kept.place(request), replace(receipt, request=request))
        except Exception as error:
            failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=remember, args=(i * 10_000,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failed == [] and len(kept._said) == conversations.MOST

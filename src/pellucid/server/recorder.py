"""Receipts of the server's calls, written by a thread of their own, many at a time."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time

from ..errors import StoreError
from ..record.receipt import Receipt
from ..record.store import Store

GATHER = 0.1
"""Seconds in which receipts gather to be written together: one transaction costs as much as
writing several of them."""
MOST = 1024
"""Receipts in one transaction."""
NICE = 5
"""By how much the thread that writes comes after the one that answers, where threads can (Linux).
With more it would fall behind on a busy core."""
BEHIND = 10_000
"""Receipts that may wait to be written; more, and calls wait for the disk."""


class Recorder:
    """Keeps receipts in a store. `failed` counts those that could not be kept."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failed = 0
        self._queue: queue.SimpleQueue[Receipt | threading.Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
        self._thread.start()

    def keep(self, receipt: Receipt) -> None:
        self._queue.put(receipt)
        if self._queue.qsize() > BEHIND:
            self.flush()

    def flush(self) -> None:
        """Wait until everything given before is on the disk."""
        written = threading.Event()
        self._queue.put(written)
        written.wait()

    def close(self) -> None:
        """Write what is left, and close the store."""
        self._queue.put(None)
        self._thread.join()
        self.store.close()

    def _run(self) -> None:
        if sys.platform == "linux":
            here = os.PRIO_PROCESS, threading.get_native_id()
            with contextlib.suppress(OSError):  # where that is forbidden
                os.setpriority(*here, os.getpriority(*here) + NICE)
        open_ = True
        while open_:
            batch = [self._queue.get()]
            if isinstance(batch[0], Receipt):
                time.sleep(GATHER)
            while len(batch) < MOST and not self._queue.empty():
                batch.append(self._queue.get())
            open_ = None not in batch
            self._write([each for each in batch if isinstance(each, Receipt)])
            for each in batch:
                if isinstance(each, threading.Event):
                    each.set()

    def _write(self, receipts: list[Receipt]) -> None:
        try:
            self.store.add_all(receipts)
        except StoreError:
            for receipt in receipts:  # one that cannot be kept costs only itself
                try:
                    self.store.add(receipt)
                except StoreError as error:
                    self._say(error)

    def _say(self, error: StoreError) -> None:
        if not self.failed:
            print(f"pellucid: a receipt was not kept: {error}", file=sys.stderr, flush=True)
        self.failed += 1

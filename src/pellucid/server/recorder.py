"""Receipts of the server's calls, written by a thread of their own, many at a time."""

from __future__ import annotations

import queue
import threading

from ..errors import StoreError
from ..record.receipt import Receipt
from ..record.store import Store
from .failures import tell

GATHER = 0.03
"""Seconds in which receipts gather to be written together: one transaction costs as much as
writing several of them."""
MOST = 1024
"""Receipts in one transaction."""
BEHIND = 10_000
"""Receipts that may wait to be written; more, and calls wait for the disk."""
HEAVY = 64 << 20
"""Bytes of the requests whose receipts may wait."""
_Waiting = tuple[Receipt, int]
"""A receipt, and the bytes of the request that it is of."""


class Recorder:
    """Keeps receipts in a store. `failed` counts those that could not be kept."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failed = 0
        self._queue: queue.SimpleQueue[_Waiting | threading.Event | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        """Somebody waits: what has gathered is written now."""
        self._held = 0
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
        self._thread.start()

    def keep(self, receipt: Receipt, size: int = 0) -> None:
        """`size`: bytes of the request that it is of. After `close` it is not kept, which is said:
        a thread that a stopping server did not wait for may come so late."""
        self._hold(size)
        if not self._put((receipt, size)):
            self._say("it came after the server had stopped.")
        elif self._queue.qsize() > BEHIND or self._held > HEAVY:
            self.flush()

    def _hold(self, size: int) -> None:
        with self._lock:
            self._held += size

    def flush(self) -> None:
        """Wait until everything given before is on the disk."""
        written = threading.Event()
        if self._put(written):
            self._hurry.set()
            written.wait()

    def _put(self, item: _Waiting | threading.Event) -> bool:
        """False after `close`, when nobody would take it from the queue."""
        with self._lock:
            if not self._closed:
                self._queue.put(item)
            return not self._closed

    def close(self) -> None:
        """Write what is left, and close the store."""
        with self._lock:
            self._closed = True
            self._queue.put(None)
        self._hurry.set()
        self._thread.join()
        self.store.close()

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._queue.get()]
            if isinstance(batch[0], tuple):
                self._hurry.wait(GATHER)
            self._hurry.clear()
            while len(batch) < MOST and not self._queue.empty():
                batch.append(self._queue.get())
            open_ = None not in batch
            waited = [each for each in batch if isinstance(each, tuple)]
            self._write([receipt for receipt, _ in waited])
            self._hold(-sum(size for _, size in waited))
            for each in batch:
                if isinstance(each, threading.Event):
                    each.set()

    def _write(self, receipts: list[Receipt]) -> None:
        try:
            self.store.add_all(receipts)
        except Exception:
            for receipt in receipts:  # one that cannot be kept costs only itself
                try:
                    self.store.add(receipt)
                except StoreError as error:
                    self._say(str(error))
                except Exception as error:  # the thread is to live on whatever happens
                    self._say(f"{type(error).__name__}: {error}")

    def _say(self, why: str) -> None:
        self.failed += 1
        if self.failed == 1:
            tell(f"pellucid: a receipt was not kept: {why}")

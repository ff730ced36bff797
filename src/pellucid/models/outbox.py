"""What one turn of the event loop has for its sockets, written together in the next.

A write to a socket of this machine wakes whoever reads from it, which costs more than the bytes do.
Of writes that follow at once only the first does: the reader is awake, or about to be.
"""

from __future__ import annotations

import asyncio

MOST = 1 << 16
"""Bytes that may wait. More go out at once, so that who writes learns of a reader who is slow."""


class Outbox:
    """For the connections of one event loop. What they are given goes out in the order it came."""

    def __init__(self) -> None:
        self._held: list[tuple[asyncio.Transport, bytes]] = []
        self._size = 0

    def put(self, transport: asyncio.Transport, data: bytes) -> None:
        if not self._held:
            asyncio.get_running_loop().call_soon(self.send)
        self._held.append((transport, data))
        self._size += len(data)
        if self._size > MOST:
            self.send()

    def send(self) -> None:
        """Write what is held now, as is needed before a transport is closed."""
        held, self._held, self._size = self._held, [], 0
        for transport, data in held:
            if transport.is_closing():
                continue
            try:
                transport.write(data)
            except Exception as error:  # its own fault: the others' bytes are still to go
                transport.abort()
                said = {"message": "What was to be sent could not be.", "exception": error}
                asyncio.get_running_loop().call_exception_handler(said)

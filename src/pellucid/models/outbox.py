"""What one turn of the event loop has for its sockets, written together when the turn is over.

A write to a socket of this machine wakes whoever reads from it, which costs more than the bytes do.
Of writes that follow at once only the first does: the reader is awake, or about to be.
"""

from __future__ import annotations

import asyncio


class Outbox:
    """For the connections of one event loop. What they are given goes out in the order it came."""

    def __init__(self) -> None:
        self._held: list[tuple[asyncio.Transport, bytes]] = []

    def put(self, transport: asyncio.Transport, data: bytes) -> None:
        if not self._held:
            asyncio.get_running_loop().call_soon(self.send)
        self._held.append((transport, data))

    def send(self) -> None:
        """Write what is held now, as is needed before a transport is closed."""
        held, self._held = self._held, []
        for transport, data in held:
            if not transport.is_closing():
                transport.write(data)

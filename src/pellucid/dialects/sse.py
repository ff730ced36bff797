"""Server-sent events: bytes, cut anywhere, to (event, data) and back.

https://html.spec.whatwg.org/multipage/server-sent-events.html, with one difference: an event whose
closing blank line never came is handed out by `close`, because some servers leave it away. Data
that is JSON shows by itself whether it is whole.
"""

from __future__ import annotations

from ..errors import BadReply

BOM = b"\xef\xbb\xbf"
DONE = "[DONE]"


class SseDecoder:
    """Reads a stream of events. Comments, ids and retry times are left out."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._after_cr = False
        self._first = True

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        """The events that `data` completes: each its name (empty when it has none) and its data.

        Raises `BadReply` for what is not UTF-8.
        """
        if self._after_cr or b"\r" in data:
            data = self._newlines(data)
        held = self._held
        if held:
            searched = len(held) - 1
            held += data
            end = held.rfind(b"\n\n", searched) + 2
            if end == 1:
                return []
            data = bytes(held[:end])
            del held[:end]
        elif not data.endswith(b"\n\n"):
            end = data.rfind(b"\n\n") + 2
            if end == 1:
                held += data
                return []
            held += data[end:]
            data = data[:end]
        return self._events(data.split(b"\n\n"))

    def close(self) -> list[tuple[str, str]]:
        """The event that was left without its blank line, if there is one.

        It may have been cut: its data must not be taken for whole without a look.
        """
        block, self._held = bytes(self._held), bytearray()
        try:
            return self._events([block])
        except BadReply:  # cut inside a character
            return []

    def _newlines(self, data: bytes) -> bytes:
        if not data:
            return data
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _events(self, blocks: list[bytes]) -> list[tuple[str, str]]:
        if self._first:
            blocks[0] = blocks[0].removeprefix(BOM)
            self._first = False
        out = []
        try:
            for block in blocks:
                if block.startswith(b"data: ") and b"\n" not in block:
                    out.append(("", block[6:].decode()))
                elif (
                    block.startswith(b"event: ")
                    and (at := block.find(b"\n")) == block.rfind(b"\n")
                    and block.startswith(b"data: ", at + 1)
                    and len(block) > at + 7
                ):
                    out.append((block[7:at].decode(), block[at + 7 :].decode()))
                elif block:
                    event = _fields(block)
                    if event[1]:
                        out.append(event)
        except UnicodeDecodeError as error:
            raise BadReply("The stream holds bytes that are not UTF-8.") from error
        return out


def _fields(block: bytes) -> tuple[str, str]:
    event, data = b"", []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value
    return event.decode(), b"\n".join(data).decode()


def encode(data: str, event: str = "") -> bytes:
    """One event. `data` is on one line, as JSON text is."""
    return (f"event: {event}\ndata: {data}\n\n" if event else f"data: {data}\n\n").encode()

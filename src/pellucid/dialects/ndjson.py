"""Lines of JSON: bytes, cut anywhere, to the text of each line."""

from __future__ import annotations

from ..errors import BadReply


class LineDecoder:
    """Reads a stream of lines that end in LF or CRLF. Blank ones are left out."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes. Raises `BadReply` for what is not UTF-8."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._held += data
            return []
        whole = bytes(self._held) + data[:end]
        self._held = bytearray(data[end:])
        try:
            return [line for line in whole.decode().split("\n") if line.strip()]
        except UnicodeDecodeError as error:
            raise BadReply("The stream holds bytes that are not UTF-8.") from error

    def close(self) -> list[str]:
        """The last line, if it was left without its end. It may have been cut."""
        rest, self._held = self._held, bytearray()
        try:
            line = rest.decode()
        except UnicodeDecodeError:  # cut inside a character
            return []
        return [line] if line.strip() else []

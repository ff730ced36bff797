"""What decoders of streams share whose framing is their own: errors come after what came before."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..errors import ProviderError
from ..replies import Event


class LateErrors(ABC):
    """Reads a streamed reply. An error waits until the events before it have been handed out."""

    def __init__(self) -> None:
        self._error: ProviderError | None = None

    @abstractmethod
    def _feed(self, data: bytes, out: list[Event]) -> None:
        """Add the events that `data` completes to `out`."""

    @abstractmethod
    def _close(self, out: list[Event]) -> None:
        """The stream has ended: add the events still held back."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises `ProviderError` for an error that the stream
        reports, `BadReply` for no such stream, once the events before it have been handed out."""
        if self._error is not None:
            raise self._error
        out: list[Event] = []
        try:
            self._feed(data, out)
        except ProviderError as error:
            if not out:
                raise
            self._error = error
        return out

    def close(self) -> list[Event]:
        """The end of the reply. Raises `IncompleteReply` where it was not announced."""
        if self._error is not None:
            raise self._error
        out: list[Event] = []
        self._close(out)
        return out

"""What the decoders of streams share whose last event says that the reply is over."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..errors import BadReply, IncompleteReply, ProviderError
from ..replies import Event
from .sse import SseDecoder

SHAPES = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""How it shows in reading an event that it is not as the API has it."""


class EventStreamDecoder(ABC):
    """Reads a streamed reply. `Finish` comes as soon as the stream's last event has."""

    def __init__(self) -> None:
        self._events = SseDecoder()
        self._error: ProviderError | None = None
        self._finished = False

    @abstractmethod
    def _read(self, data: str, out: list[Event]) -> None:
        """Add what the data of one event says to `out`; sets `_finished` with the last."""

    def _end_unannounced(self, out: list[Event]) -> None:  # noqa: B027 - most cannot tell
        """Where the stream stopped without its last event: add what shows that nothing is missing,
        if a dialect can tell, and set `_finished`."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises `ProviderError` for an error the stream reports
        or `BadReply` for no such stream, once the events before it have been handed out."""
        if self._error is not None:
            raise self._error
        out: list[Event] = []
        try:
            for _, text in self._events.feed(data):
                if not self._finished:
                    self._read(text, out)
        except ProviderError as error:
            self._error = error
        except SHAPES as error:
            self._error = BadReply(f"An event of the stream is not as the API has it: {error!r}.")
            self._error.__cause__ = error
        if self._error is not None and not out:
            raise self._error
        return out

    def close(self) -> list[Event]:
        """Raises `IncompleteReply` where the stream ended before its last event."""
        if self._error is not None:
            raise self._error
        out: list[Event] = []
        try:
            for _, text in self._events.close():
                self._read(text, out)
        except (BadReply, *SHAPES):
            out = []  # an event that was cut
        if not self._finished:
            self._end_unannounced(out)
        if not self._finished:
            raise IncompleteReply(
                "The stream ended before the model said it was finished; what arrived is kept."
            )
        return out

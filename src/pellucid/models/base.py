"""What every model is: something that turns a request into a stream of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ..messages import Options, Request
from ..prompt.values import Prompt
from ..replies import Event


class Model(Protocol):
    @property
    def name(self) -> str:
        """As receipts name it."""

    @property
    def window(self) -> int | None:
        """Context window in tokens; `None`: not known."""

    def settle(self, options: Options) -> Options:
        """The options with the model's own defaults filled in, the seed drawn."""

    def prepare(self, request: Request) -> Prompt | None:
        """The exact prompt this request becomes, nothing called.

        `None` where the provider renders it out of sight.
        """

    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        """Events of one reply, ending with `Finish`. Closing the iterator cancels the call."""

    def settings(self) -> Mapping[str, Any]:
        """How the model is run: threads, batch and the like."""

    def versions(self) -> Mapping[str, str]:
        """Hashes and versions of what answers."""

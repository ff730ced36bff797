"""What every model is: something that turns a request into a stream of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

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


Stopped = Callable[[], bool]
"""Whether nobody waits any more."""


def never() -> bool:
    return False


@runtime_checkable
class Steers(Protocol):
    """A model that needs help with tools."""

    def steer(self, request: Request, stopped: Stopped = never) -> tuple[Request, tuple[str, ...]]:
        """The request with its `tool_choice` settled before its prompt is made, and notes for the
        receipt that say why. The model may be asked; once `stopped`, it is not waited for."""


def prepare_steered(
    model: Model, request: Request, stopped: Stopped = never
) -> tuple[Request, Prompt | None]:
    """What is sent, and the prompt it becomes, once a model that needs help with tools had it."""
    notes: tuple[str, ...] = ()
    if isinstance(model, Steers):
        request, notes = model.steer(request, stopped)
    prompt = model.prepare(request)
    if prompt is not None and notes:
        prompt = replace(prompt, notes=(*prompt.notes, *notes))
    return request, prompt

"""A model at a host, asked over HTTP in the host's own dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..dialects.base import Dialect, Extra, Outgoing
from ..dialects.registry import dialect
from ..errors import UsageError
from ..messages import Media, Options, Request
from ..prompt.values import Prompt
from ..settings import Settings
from .exchange import Talk
from .facts import facts, of_name
from .hosts import Target
from .http import Client, Stream, Timeouts
from .keys import Endpoint, KeyRing
from .steps import Steps


class HostedModel:
    """One model at one host. Nothing is connected, and no key looked for, before it is needed."""

    def __init__(
        self,
        target: Target,
        settings: Settings,
        keys: KeyRing | None = None,
        client: Client | None = None,
    ) -> None:
        self.target = target
        self.name = target.name
        self._settings = settings
        self._keys = keys
        self._client = client or Client(Timeouts.of(settings), offline=settings.offline)
        self._num_ctx = 0

    @cached_property
    def endpoint(self) -> Endpoint:
        """Where the model is, and the key that goes there."""
        return (self._keys or KeyRing(self._settings)).endpoint(self.target)

    @cached_property
    def dialect(self) -> Dialect:
        return dialect(self.endpoint.host.dialect)

    @cached_property
    def window(self) -> int | None:
        """Context window in tokens: the settings', or what is known of the model."""
        return facts(self.target).window

    def settle(self, options: Options) -> Options:
        """As they are: what is not said is the host's choice."""
        return options

    def prepare(self, request: Request) -> None:
        """The host renders the prompt out of sight."""

    def understands(self, extra: Extra) -> bool:
        """Whether fields that mean nothing here are sent to the host as they were written."""
        return extra.dialect == self.dialect.NAME

    def settings(self) -> Mapping[str, Any]:
        host = self.endpoint.host
        chosen = {"host": host.name, "base": host.base, "dialect": host.dialect}
        return {**chosen, "num_ctx": self._num_ctx} if self._num_ctx else chosen

    def versions(self) -> Mapping[str, str]:
        return {}

    def stream(self, request: Request, prompt: Prompt | None) -> Stream:
        """The events of one reply. `close` ends it at once, from any thread.

        Raises `CannotExpress` and `MissingKey` before anything is sent, then `ProviderError` and
        `IncompleteReply`.
        """
        return self._client.stream(self.steps(request))

    def steps(self, request: Request, extra: Extra | None = None, stream: bool = True) -> Steps:
        """The same for an `AsyncClient`, which needs no thread for it. `extra` is what a caller who
        speaks the host's own dialect wants said besides; one who has no use for pieces does not
        want a `stream`."""
        return self._talk(request, extra, stream).run()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._client.close()

    def _talk(self, request: Request, extra: Extra | None, stream: bool) -> Talk:
        self._refuse_images(request)
        self.endpoint.require_key()
        host = self.endpoint.host
        traits = host.traits | of_name(self.target.model).traits
        outgoing = self.dialect.encode_request(
            request, self.target.model, stream=stream, traits=traits
        )
        if extra is not None and self.understands(extra):
            outgoing = replace(outgoing, body={**outgoing.body, **extra.fields})
        least = None
        if host.dialect == "ollama":
            outgoing, least = self._with_window(request, outgoing)
        name = self.target.model
        return Talk(self.endpoint, self.dialect, name, outgoing, least_input=least, stream=stream)

    def _refuse_images(self, request: Request) -> None:
        """Raise `UsageError` for an image to a model that is known to see none."""
        if of_name(self.target.model).images is not False:
            return
        for part in (part for message in request.messages for part in message.parts):
            if isinstance(part, Media) and part.kind == "image":
                name = f" ({part.name})" if part.name else ""
                raise UsageError(
                    f"The conversation holds an image{name}; {self.target.model} sees none. "
                    "Leave it out, or choose a model that takes images."
                )

    def _with_window(self, request: Request, outgoing: Outgoing) -> tuple[Outgoing, int | None]:
        """The request with the window it needs, and how many tokens it has at least."""
        from . import ollama

        need = ollama.need(request, self.target.model, self._settings)
        largest = self._settings.window or self.window
        self._num_ctx = max(self._num_ctx, ollama.window(need, request.options, largest))
        options = {**outgoing.body.get("options", {}), "num_ctx": self._num_ctx}
        return replace(outgoing, body={**outgoing.body, "options": options}), need.at_least

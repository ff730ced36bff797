"""How many tokens a text is, asked of the provider where it publishes no tokenizer.

Anthropic: https://platform.claude.com/docs/en/build-with-claude/token-counting
Gemini:    https://ai.google.dev/api/tokens
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..dialects.base import Outgoing
from ..errors import BadReply, UsageError
from ..messages import Request
from ..settings import Settings
from .asking import Answered, aask, ask
from .facts import of_name
from .hosts import find, follow
from .keys import Endpoint, KeyRing

if TYPE_CHECKING:
    from .hosted import HostedModel
    from .http_async import AsyncClient

COUNTING = ("anthropic", "gemini")
"""Dialects whose hosts count without answering, at no cost."""


class TokenCounts:
    """Counts of the model called `model` by its provider. `maker` is who that is, `address` where
    the texts go."""

    def __init__(self, endpoint: Endpoint, model: str, settings: Settings) -> None:
        self.maker = endpoint.host.name
        self.address = endpoint.host.origin.netloc
        self._endpoint = endpoint
        self._model = model
        self._settings = settings

    def count(self, text: str) -> int:
        """The tokens of `text` as one message of the user, the frame around it included.

        Raises `ProviderError`.
        """
        outgoing = self._outgoing(text)
        return _counted(ask(self._endpoint, self._model, outgoing, self._settings))

    def _outgoing(self, text: str) -> Outgoing:
        if self._endpoint.host.dialect == "anthropic":
            message = {"role": "user", "content": text}
            body = {"model": self._model, "messages": [message]}
            return Outgoing("messages/count_tokens", body)
        content = {"role": "user", "parts": [{"text": text}]}
        return Outgoing(f"models/{self._model}:countTokens", {"contents": [content]})


async def count_request(model: HostedModel, request: Request, client: AsyncClient) -> int:
    """The tokens of the prompt that `request` becomes, by the model's provider.

    Raises `UsageError` where it has no such endpoint, and `ProviderError`.
    """
    if model.dialect.NAME not in COUNTING:
        raise UsageError(f"The host of {model.name} has no endpoint that counts tokens.")
    speaks: Any = model.dialect
    traits = model.endpoint.host.traits | of_name(model.target.model).traits
    outgoing = speaks.encode_count_request(request, model.target.model, traits=traits)
    return _counted(await aask(model.endpoint, model.target.model, outgoing, client))


def _counted(answered: Answered) -> int:
    body = answered.body
    count = body.get("input_tokens", body.get("totalTokens"))
    if not isinstance(count, int):
        raise BadReply("The answer has no count of tokens.", status=200)
    return count


def open_counts(name: str, settings: Settings, ring: KeyRing | None = None) -> TokenCounts | None:
    """The provider's counts for the model called `name`; `None` where its host has no such
    endpoint, no key is set for it, or nothing is to be reached."""
    target = find(follow(name, settings.models), settings.models)
    if target is None or target.host.dialect not in COUNTING:
        return None
    endpoint = (ring or KeyRing(settings)).endpoint(target)
    if endpoint.key is None or (settings.offline and not endpoint.host.origin.loopback):
        return None
    return TokenCounts(endpoint, target.model, settings)

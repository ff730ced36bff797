"""Texts as vectors by a model at a host: OpenAI's API and all that speak it, Gemini, Ollama."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ..dialects.embedding import EmbedRequest
from ..errors import BadReply, UsageError
from ..replies import Usage
from ..settings import Settings
from .asking import Watch, ask, unwatched
from .embeddings import Embeddings, check_texts
from .hosts import Target, find, follow
from .keys import Endpoint, KeyRing

DIALECTS = {
    "openai": "openai_embeddings",
    "openai-responses": "openai_embeddings",
    "gemini": "gemini.embeddings",
    "ollama": "ollama.embeddings",
}


class HostedEmbedder:
    """One embedding model at one host. `endpoint` is where, if another's key is to be used."""

    def __init__(
        self, target: Target, settings: Settings, endpoint: Endpoint | None = None
    ) -> None:
        if target.host.dialect not in DIALECTS:
            raise UsageError(f"{target.host.name} offers no embeddings by its API.")
        self.name = target.name
        self._target = target
        self._settings = settings
        self._endpoint = endpoint
        found = DIALECTS[target.host.dialect]
        self.takes_ids = found == "openai_embeddings"
        self._dialect: Any = import_module(f"..dialects.{found}", __package__)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """One vector for each text. Raises `UsageError` for none and for an empty one, and
        `ProviderError`."""
        return self.answer(EmbedRequest(tuple(texts)))

    def answer(self, request: EmbedRequest, watch: Watch = unwatched) -> Embeddings:
        """The same with all that can be asked for."""
        if not request.ids:
            check_texts(request.texts)
        endpoint = self._endpoint or KeyRing(self._settings).endpoint(self._target)
        model = self._target.model
        outgoing = self._dialect.encode_embed_request(request, model)
        body = ask(endpoint, model, outgoing, self._settings, watch)
        found = self._dialect.decode_embeddings(body)
        asked = len(request.ids or request.texts)
        if len(found.vectors) != asked:
            raise BadReply(f"{len(found.vectors)} vectors came for {asked} texts.", status=200)
        usage = Usage(fresh=found.tokens or 0, known="reported" if found.tokens else "estimated")
        return Embeddings(self.name, found.vectors, usage, outgoing.notes)


def hosted_embedder(name: str, settings: Settings) -> HostedEmbedder | None:
    """The embedder that `name` means at a host; `None` where it means none."""
    target = find(follow(name, settings.models), settings.models)
    return None if target is None else HostedEmbedder(target, settings)

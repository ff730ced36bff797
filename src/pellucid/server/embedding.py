"""Vectors, whoever's API asks for them."""

from __future__ import annotations

from ..dialects.embedding import Embeddings, EmbedRequest
from ..errors import UsageError
from ..models.hosted import HostedModel
from ..models.hosted_embeddings import HostedEmbedder
from ..models.hosts import Target
from .models import in_thread
from .visit import Visit


async def embed(
    visit: Visit, request: EmbedRequest, model: str, *, cut: bool = False
) -> Embeddings:
    """Vectors by the embedder called `model`, here or at a host. A text that is longer than it
    reads is refused, unless the API has it `cut`."""
    if isinstance(visit.server.models.known(model), Target):
        return await _hosted(visit, request, model)
    embedder = await visit.server.models.embedder(model)
    found = await in_thread(lambda: embedder.embed(request.texts))
    if request.dimensions not in (None, found.dimensions):
        raise UsageError(f"{embedder.name} makes vectors of {found.dimensions} dimensions.")
    if found.notes and not cut:
        raise UsageError(f"{' '.join(found.notes)} Send it in parts: nothing is cut in silence.")
    return Embeddings(found.vectors, found.usage.input_total, model)


async def _hosted(visit: Visit, request: EmbedRequest, name: str) -> Embeddings:
    model = await visit.model(name)
    assert isinstance(model, HostedModel)
    embedder = HostedEmbedder(model.target, visit.server.settings, model.endpoint)
    found = await in_thread(lambda: embedder.answer(request))
    return Embeddings(found.vectors, found.usage.input_total, name)

"""Vectors, whoever's API asks for them."""

from __future__ import annotations

from ..dialects.embedding import Embeddings, EmbedRequest
from ..errors import UsageError
from .models import in_thread
from .visit import Visit


async def embed(visit: Visit, request: EmbedRequest, model: str) -> Embeddings:
    """Vectors, whoever's API asks for them."""
    embedder = await visit.server.models.embedder(model)
    found = await in_thread(lambda: embedder.embed(request.texts))
    if request.dimensions not in (None, found.dimensions):
        raise UsageError(f"{embedder.name} makes vectors of {found.dimensions} dimensions.")
    return Embeddings(found.vectors, found.usage.input_total, model)

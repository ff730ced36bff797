"""Vectors, whoever's API asks for them."""

from __future__ import annotations

from dataclasses import replace

from ..dialects.embedding import Embeddings, IncomingEmbed
from ..errors import BadRequest, UsageError
from ..messages import Text
from ..models import embeddings
from ..models.hosted import HostedModel
from ..models.hosted_embeddings import HostedEmbedder
from ..models.hosts import Target
from ..models.token_ids import texts_of
from .kept import Kept, counted
from .models import in_thread
from .visit import Visit

Answered = tuple[Embeddings, dict[str, str]]
"""Vectors, and the header that tells of their receipt."""


async def embed(visit: Visit, asked: IncomingEmbed, *, cut: bool = False) -> Answered:
    """Vectors by the embedder that was named, here or at a host. A text that is longer than it
    reads is refused, unless the API has it `cut`."""
    if isinstance(visit.server.models.known(asked.model), Target):
        return await _hosted(visit, asked)
    embedder = await visit.server.models.embedder(asked.model)
    asked = await _spelled(visit, asked, asked.model)
    with _kept(visit, asked, embedder.name) as kept:
        found = await in_thread(lambda: embedder.embed(asked.request.texts))
        if asked.request.dimensions not in (None, found.dimensions):
            raise UsageError(f"{embedder.name} makes vectors of {found.dimensions} dimensions.")
        if found.notes and not cut:
            said = " ".join(found.notes)
            raise UsageError(f"{said} Send it in parts: nothing is cut in silence.")
        for note in found.notes:
            kept.note(note)
        return _answered(kept, asked, found)


async def _hosted(visit: Visit, asked: IncomingEmbed) -> Answered:
    model = await visit.model(asked.model)
    assert isinstance(model, HostedModel)
    embedder = HostedEmbedder(model.target, visit.server.settings, model.endpoint)
    try:
        asked = await _spelled(visit, asked, model.target.model)
    except BadRequest:
        if not embedder.takes_ids:
            raise
    with _kept(visit, asked, model) as kept:
        found = await in_thread(lambda: embedder.answer(asked.request, kept.watch))
        return _answered(kept, asked, found)


async def _spelled(visit: Visit, asked: IncomingEmbed, model: str) -> IncomingEmbed:
    """With the texts that ids of tokens spell in the vocabulary of `model`. Raises `BadRequest`."""
    request, settings = asked.request, visit.server.settings
    if not request.ids:
        return asked
    texts = await in_thread(lambda: texts_of(request.ids, model, settings))
    notes = *asked.notes, "What was sent are ids of tokens; the texts are what they spell."
    return replace(asked, request=replace(request, texts=texts), notes=notes)


def _kept(visit: Visit, asked: IncomingEmbed, model: HostedModel | str) -> Kept:
    return Kept(visit, "vectors", model, *map(Text, asked.request.texts), notes=asked.notes)


def _answered(kept: Kept, asked: IncomingEmbed, found: embeddings.Embeddings) -> Answered:
    kept.usage = found.usage
    kept.made = f"{counted(len(found), 'vector')} of {counted(found.dimensions, 'dimension')}"
    told = Embeddings(found.vectors, found.usage.input_total, asked.model)
    return told, kept.receipt_header

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
from .threads import in_thread
from .turns import Turn, at_host
from .visit import Visit

PART = "pellucid/vectors"
"""Its queue, among those of models."""
NAMES = (embeddings.NAME, "local", "all-minilm")
"""Of the embedded model; the last is Ollama's for the same one."""
MOST = 2048
"""Texts in a request to this machine, as in one to OpenAI."""
Answered = tuple[Embeddings, dict[str, str]]
"""Vectors, and the header that tells of their receipt."""


async def embed(visit: Visit, asked: IncomingEmbed, *, cut: bool = False) -> Answered:
    """Vectors by the embedder that was named, here or at a host. A text that is longer than it
    reads is refused, unless the API has it `cut`."""
    meant = visit.server.models.part(asked.model, NAMES, "vectors")
    if isinstance(meant, Target):
        return await _hosted(visit, asked)
    asked = await _spelled(visit, asked, asked.model)
    texts = asked.request.texts
    embeddings.check_texts(texts)
    if len(texts) > MOST:
        said = f"{len(texts):,} texts were sent; {MOST:,} are taken at a time."
        raise BadRequest(said, "input")
    async with Turn(visit, PART) as turn:
        embedder = await turn.do(visit.server.models.embedder)
        with _kept(visit, asked, embedder.name) as kept:
            if meant is None:
                kept.note(f"No model is called {asked.model}; {embedder.name} answered.")
            found = await turn.do(lambda: embedder.embed(texts, turn.stopped))
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
    embedder = HostedEmbedder(model.target, visit.server.settings)
    try:
        asked = await _spelled(visit, asked, model.target.model)
    except BadRequest:
        if not embedder.takes_ids:
            raise
    outgoing = embedder.encode(asked.request)
    async with at_host(visit, model):
        with _kept(visit, asked, model) as kept:
            body = (await kept.ask(outgoing)).body
            count = len(asked.request.ids or asked.request.texts)
            found = await in_thread(lambda: embedder.decode(body, outgoing, count))
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

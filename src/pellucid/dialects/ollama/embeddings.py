"""Embeddings of Ollama's API: `/api/embed`, and the older `/api/embeddings` for one text.

https://docs.ollama.com/api/embed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadReply
from .. import fields
from ..base import Outgoing
from ..embedding import Embeddings, EmbedRequest, IncomingEmbed
from ..json_text import drop_none
from ..narrowing import Notes, note, note_unread
from .narrow import API

READ = ("model", "input", "dimensions", "truncate")


def encode_embed_request(request: EmbedRequest, model: str) -> Outgoing:
    """The body for `POST /api/embed`, which is to refuse a text that is too long, not to cut it."""
    notes: Notes = {}
    if request.purpose:
        note(notes, f"purpose was not sent: {API} does not tell queries from documents.")
    body = {
        "model": model,
        "input": list(request.texts),
        "dimensions": request.dimensions,
        "truncate": False,
    }
    return Outgoing("api/embed", drop_none(body), tuple(notes))


def decode_embed_request(body: Mapping[str, Any], path: str) -> IncomingEmbed:
    """Raises `BadRequest`."""
    notes: Notes = {}
    model = fields.need(body, "model", str)
    if path.rstrip("/").endswith("embeddings"):
        note_unread(body, ("model", "prompt"), notes)
        only = EmbedRequest((fields.need(body, "prompt", str),))
        return IncomingEmbed(only, model, single=True, notes=tuple(notes))
    note_unread(body, READ, notes)
    given = fields.text_or_list(body.get("input"), "input")
    items = [given] if isinstance(given, str) else given
    texts = tuple(fields.want(text, str, f"input[{i}]") for i, text in enumerate(items))
    dimensions = fields.take(body, "dimensions", int) or None
    return IncomingEmbed(EmbedRequest(texts, dimensions), model, notes=tuple(notes))


def decode_embeddings(body: Mapping[str, Any]) -> Embeddings:
    """Raises `BadReply`."""
    try:
        found = [body["embedding"]] if "embedding" in body else body["embeddings"]
        vectors = tuple(tuple(map(float, item)) for item in found)
    except (KeyError, TypeError, ValueError) as error:
        raise BadReply(f"The embeddings are not of Ollama's API: {error!r}") from error
    return Embeddings(vectors, body.get("prompt_eval_count"), body.get("model"))


def encode_embeddings(embeddings: Embeddings, model: str, *, single: bool) -> dict[str, Any]:
    vectors = [list(vector) for vector in embeddings.vectors]
    if single:
        return {"embedding": vectors[0]}
    return drop_none(
        {"model": model, "embeddings": vectors, "prompt_eval_count": embeddings.tokens}
    )

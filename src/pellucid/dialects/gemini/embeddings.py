"""Embeddings of the Gemini API. https://ai.google.dev/api/embeddings"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ...errors import BadReply, BadRequest
from .. import fields
from ..base import Outgoing
from ..embedding import Embeddings, EmbedRequest, IncomingEmbed
from ..json_text import drop_none
from ..narrowing import Notes, note
from .incoming import camel, read_path
from .outgoing import resource

TASKS: dict[str, Literal["query", "document"]] = {
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
}


def encode_embed_request(request: EmbedRequest, model: str) -> Outgoing:
    """The body for `batchEmbedContents`."""
    task = next((word for word, purpose in TASKS.items() if purpose == request.purpose), None)
    asked = [
        drop_none(
            {
                "model": resource(model),
                "content": {"parts": [{"text": text}]},
                "taskType": task,
                "outputDimensionality": request.dimensions,
            }
        )
        for text in request.texts
    ]
    return Outgoing(f"{resource(model)}:batchEmbedContents", {"requests": asked})


def decode_embed_request(body: Mapping[str, Any], path: str) -> IncomingEmbed:
    """A request to `embedContent` or `batchEmbedContents`. Raises `BadRequest`."""
    model, method = read_path(path)
    single = method == "embedContent"
    asked = [("", body)] if single else list(fields.objects(body, "requests"))
    notes: Notes = {}
    read = [_read(camel(item), where, notes) for where, item in asked]
    if not read:
        raise BadRequest("requests is missing or empty.", "requests")
    if len({(one.dimensions, one.purpose) for one in read}) > 1:
        raise BadRequest("The requests must ask for one outputDimensionality and taskType.")
    texts = tuple(text for one in read for text in one.texts)
    return IncomingEmbed(
        EmbedRequest(texts, read[0].dimensions, read[0].purpose), model, single, tuple(notes)
    )


def _read(item: Mapping[str, Any], where: str, notes: Notes) -> EmbedRequest:
    place = fields.join(where, "content")
    content = fields.need(item, "content", dict, where)
    texts = [
        fields.need(part, "text", str, at) for at, part in fields.objects(content, "parts", place)
    ]
    if not texts:
        raise BadRequest(f"{place}.parts is missing or empty.", f"{place}.parts")
    task = fields.take(item, "taskType", str, where) or "TASK_TYPE_UNSPECIFIED"
    if task not in TASKS and task != "TASK_TYPE_UNSPECIFIED":
        note(notes, f"taskType {task} means nothing here and was left out.")
    if item.get("title") is not None:
        note(notes, "title means nothing here and was left out.")
    dimensions = fields.take(item, "outputDimensionality", int, where)
    return EmbedRequest(("".join(texts),), dimensions, TASKS.get(task))


def decode_embeddings(body: Mapping[str, Any]) -> Embeddings:
    """Raises `BadReply`."""
    try:
        found = [body["embedding"]] if "embedding" in body else body["embeddings"]
        vectors = tuple(tuple(map(float, item["values"])) for item in found)
        tokens = (body.get("usageMetadata") or {}).get("promptTokenCount")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadReply(f"The embeddings are not of Google's Gemini API: {error!r}") from error
    return Embeddings(vectors, tokens)


def encode_embeddings(embeddings: Embeddings, *, single: bool) -> dict[str, Any]:
    vectors = [{"values": list(vector)} for vector in embeddings.vectors]
    out: dict[str, Any] = {"embedding": vectors[0]} if single else {"embeddings": vectors}
    if embeddings.tokens is not None:
        out["usageMetadata"] = {"promptTokenCount": embeddings.tokens}
    return out


def decode_count(body: Mapping[str, Any]) -> int:
    """The tokens of a prompt, as `countTokens` answers. Raises `BadReply`."""
    total = body.get("totalTokens", 0)  # zero is left away on the wire
    if type(total) is not int:
        raise BadReply(f"totalTokens is {total!r}, not a number.")
    return total


def encode_count(total: int) -> dict[str, Any]:
    return {"totalTokens": total}

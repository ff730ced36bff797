"""Embeddings of OpenAI's API. https://platform.openai.com/docs/api-reference/embeddings"""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..errors import BadReply, BadRequest
from .base import Outgoing
from .embedding import Embeddings, EmbedRequest, IncomingEmbed
from .fields import need, take, text_or_list, want
from .json_text import drop_none
from .media import base64_text
from .narrowing import Notes, note, note_unread

API = "OpenAI's API"
READ = ("model", "input", "dimensions", "encoding_format")
Encoding = Literal["float", "base64"]


def encode_embed_request(request: EmbedRequest, model: str) -> Outgoing:
    """The body for `POST embeddings`."""
    notes: Notes = {}
    if request.purpose:
        note(notes, f"purpose was not sent: {API} does not tell queries from documents.")
    given = list(request.ids or request.texts)
    body = {"model": model, "input": given, "dimensions": request.dimensions}
    return Outgoing("embeddings", drop_none(body), tuple(notes))


def decode_embed_request(body: Mapping[str, Any]) -> IncomingEmbed:
    """Raises `BadRequest`. In which form the vectors are wanted, `wanted_encoding` says."""
    notes: Notes = {}
    model = need(body, "model", str)
    note_unread(body, READ, notes)
    wanted_encoding(body)
    given = text_or_list(body.get("input"), "input")
    several = [given] if isinstance(given, str) else given
    if not several:
        raise BadRequest("input is empty; there is nothing to embed.", "input")
    if type(several[0]) is int:
        several = [several]
    texts: tuple[str, ...] = ()
    ids: tuple[tuple[int, ...], ...] = ()
    if isinstance(several[0], list):
        ids = tuple(_ids(each, f"input[{i}]") for i, each in enumerate(several))
    else:
        texts = tuple(want(text, str, f"input[{i}]") for i, text in enumerate(several))
    dimensions = take(body, "dimensions", int)
    if dimensions is not None and dimensions < 1:
        raise BadRequest(f"dimensions is {dimensions}; it must be at least 1.", "dimensions")
    return IncomingEmbed(EmbedRequest(texts, dimensions, ids=ids), model, notes=tuple(notes))


def _ids(value: object, where: str) -> tuple[int, ...]:
    ids = want(value, list, where)
    if not ids or any(type(id) is not int or id < 0 for id in ids):
        raise BadRequest(f"{where} must hold ids of tokens, whole numbers from 0.", where)
    return tuple(ids)


def wanted_encoding(body: Mapping[str, Any]) -> Encoding:
    """The form in which a request wants its vectors; the official client asks for base64."""
    match take(body, "encoding_format", str):
        case None | "float":
            return "float"
        case "base64":
            return "base64"
        case other:
            raise BadRequest(
                f"encoding_format is {other!r}; it can be float or base64.", "encoding_format"
            )


def decode_embeddings(body: Mapping[str, Any]) -> Embeddings:
    """Raises `BadReply`."""
    try:
        items = sorted(body["data"], key=lambda item: item.get("index", 0))
        vectors = tuple(_vector(item["embedding"]) for item in items)
        tokens = (body.get("usage") or {}).get("prompt_tokens")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadReply(f"The embeddings are not of {API}: {error!r}") from error
    return Embeddings(vectors, tokens, body.get("model"))


def encode_embeddings(
    embeddings: Embeddings, model: str, encoding: Encoding = "float"
) -> dict[str, Any]:
    tokens = embeddings.tokens or 0
    return {
        "object": "list",
        "model": model,
        "data": [
            {
                "object": "embedding",
                "index": i,
                "embedding": _packed(vector) if encoding == "base64" else list(vector),
            }
            for i, vector in enumerate(embeddings.vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(value: str | Sequence[float]) -> tuple[float, ...]:
    if isinstance(value, str):
        floats = array("f", base64.b64decode(value, validate=True))
        return tuple(_little_endian(floats))
    return tuple(map(float, value))


def _packed(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats in base64."""
    return base64_text(_little_endian(array("f", vector)).tobytes())


def _little_endian(floats: array[float]) -> array[float]:
    if sys.byteorder == "big":
        floats.byteswap()
    return floats

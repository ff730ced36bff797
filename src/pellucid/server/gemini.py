"""Google's Gemini API: https://ai.google.dev/api"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dialects import gemini
from ..dialects.base import Failure, Incoming
from ..dialects.gemini import embeddings as embedding
from ..errors import BadRequest
from .answering import respond
from .counting import count
from .embedding import embed
from .failures import Refused
from .http_response import Response
from .threads import in_thread
from .visit import Face, Route, Visit, answer

FACE = Face("gemini", gemini.encode_error)


async def call(visit: Visit) -> Response | None:
    """`models/NAME:METHOD`."""
    method = visit.path.rpartition(":")[2]
    body = await visit.body()
    match method:
        case "generateContent":
            return await respond(visit, gemini.decode_request(body, visit.path), gemini)
        case "streamGenerateContent":
            incoming = gemini.decode_request(body, visit.path)
            if visit.request.query.get("alt") == "sse":
                return await respond(visit, incoming, gemini)
            return await respond(
                visit, incoming, gemini, media="application/json", encoder=gemini.ArrayEncoder
            )
        case "countTokens":
            return answer(embedding.encode_count(await count(visit, _counted(body, visit.path))))
        case "embedContent" | "batchEmbedContents":
            asked = embedding.decode_embed_request(body, visit.path)
            found, headers = await embed(visit, asked)
            encoded = embedding.encode_embeddings(found, single=asked.single)
            return answer(encoded, headers=headers)
    raise Refused(Failure(404, "not_found", f"There is no method {method!r} of models here."))


def _counted(body: Mapping[str, Any], path: str) -> Incoming:
    """The request to be counted: bare contents, or a whole request."""
    inner = body.get("generateContentRequest", body)
    if not isinstance(inner, dict):
        raise BadRequest("generateContentRequest is not an object.", "generateContentRequest")
    return gemini.decode_request({k: v for k, v in inner.items() if k != "model"}, path)


async def models(visit: Visit) -> Response | None:
    names = await in_thread(visit.server.models.names)
    return answer({"models": [_model(name) for name in names]})


async def model(visit: Visit) -> Response | None:
    name = visit.request.path.partition("/models/")[2]
    await in_thread(lambda: visit.server.models.require(name))
    return answer(_model(name))


def _model(name: str) -> dict[str, Any]:
    methods = ["generateContent", "streamGenerateContent", "countTokens"]
    return {
        "name": f"models/{name}",
        "version": "1",
        "displayName": name,
        "supportedGenerationMethods": methods,
    }


ROUTES = [
    Route("POST", "/v1/models/*", call),
    Route("GET", "/v1beta/models", models),
    Route("GET", "/v1beta/models/*", model),
    Route("POST", "/v1beta/models/*", call),
]

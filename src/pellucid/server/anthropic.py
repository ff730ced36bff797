"""Anthropic's API: https://platform.claude.com/docs/en/api"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..dialects import anthropic
from ..dialects.base import Failure
from .answering import respond
from .counting import count
from .http_response import Response
from .threads import in_thread
from .visit import Face, Route, Visit, answer


def _error(failure: Failure) -> dict[str, Any]:
    # A prompt that is too long is an invalid request here; `request_too_large` is for its bytes.
    too_long = failure.kind == "too_large" and failure.status == 400
    return anthropic.encode_error(replace(failure, kind="rejected") if too_long else failure)


FACE = Face("anthropic", _error)


async def messages(visit: Visit) -> Response | None:
    body = await visit.body()
    return await respond(visit, anthropic.decode_request(body), anthropic, "msg_")


async def count_tokens(visit: Visit) -> Response | None:
    incoming = anthropic.decode_request(await visit.body(), visit.path)
    return answer({"input_tokens": await count(visit, incoming)})


async def models(visit: Visit) -> Response | None:
    names = await in_thread(visit.server.models.names)
    first, last = (names[0], names[-1]) if names else (None, None)
    data = [_model(name) for name in names]
    return answer({"data": data, "has_more": False, "first_id": first, "last_id": last})


async def model(visit: Visit) -> Response | None:
    name = visit.request.path.partition("/models/")[2]
    await in_thread(lambda: visit.server.models.require(name))
    return answer(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": STARTED,
        "lifecycle": "active",
    }


STARTED = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

ROUTES = [
    Route("POST", "/v1/messages", messages),
    Route("POST", "/v1/messages/count_tokens", count_tokens),
]

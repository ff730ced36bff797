"""OpenAI's API: https://platform.openai.com/docs/api-reference"""

from __future__ import annotations

import time
from typing import Any

from ..dialects import (
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_responses,
)
from ..errors import UsageError
from ..messages import Request, text_message
from ..models.hosted import HostedModel
from . import anthropic, audio, gemini, images, stored
from .answering import Answering, head, respond, stream
from .counting import count
from .embedding import embed
from .http_response import Response
from .plain import plain_prompt
from .stream_writer import EVENTS
from .threads import in_thread
from .visit import Face, Handler, Route, Visit, answer

FACE = Face("openai", openai_chat.encode_error)
LISTS: dict[Face, tuple[Handler, Handler]] = {
    anthropic.FACE: (anthropic.models, anthropic.model),
    gemini.FACE: (gemini.models, gemini.model),
}
"""The other APIs that have their lists of models, and each model, at the same address."""
MOST_PROMPTS = 64


async def chat(visit: Visit) -> Response | None:
    body = await visit.body()
    return await respond(visit, openai_chat.decode_request(body), openai_chat, "chatcmpl-")


async def responses(visit: Visit) -> Response | None:
    return await respond(visit, await stored.read(visit), openai_responses, stored.PREFIX)


async def input_tokens(visit: Visit) -> Response | None:
    counted = await count(visit, await stored.read(visit))
    return answer({"object": "response.input_tokens", "input_tokens": counted})


async def completions(visit: Visit) -> Response | None:
    """Texts continued as they are, without a template."""
    asked = openai_completions.decode_completion_request(await visit.body())
    if len(asked.prompts) > MOST_PROMPTS:
        raise UsageError(f"{len(asked.prompts)} prompts were sent; {MOST_PROMPTS} are taken.")
    if isinstance(await visit.model(asked.model), HostedModel):
        raise UsageError(f"{asked.model} is at a host, which takes messages: /chat/completions.")
    calls = []
    for text in asked.prompts:
        request = Request(
            (text_message("user", text),) if isinstance(text, str) else (), options=asked.options
        )
        prepare = plain_prompt(text)
        calls.append(Answering(visit, request, asked.model, asked.notes, prepare))
    if asked.stream:
        async with calls[0] as only:
            return await stream(
                only,
                lambda: openai_completions.CompletionEncoder(
                    head(only, "cmpl-", asked.include_usage)
                ),
                EVENTS,
            )
    replies = []
    for call in calls:
        async with call:
            replies.append(await call.reply())
    value = openai_completions.encode_completions(replies, head(calls[0], "cmpl-"))
    if asked.echo:
        for choice, text in zip(value["choices"], asked.prompts, strict=True):
            choice["text"] = (text if isinstance(text, str) else "") + choice["text"]
    return answer(value, headers=calls[0].receipt_header)


async def embeddings(visit: Visit) -> Response | None:
    body = await visit.body()
    asked = openai_embeddings.decode_embed_request(body)
    found, headers = await embed(visit, asked)
    form = openai_embeddings.wanted_encoding(body)
    encoded = openai_embeddings.encode_embeddings(found, asked.model, form)
    return answer(encoded, headers=headers)


async def models(visit: Visit) -> Response | None:
    if visit.face is not FACE:
        return await LISTS[visit.face][0](visit)
    names = await in_thread(visit.server.models.names)
    return answer({"object": "list", "data": [_model(name) for name in names]})


async def model(visit: Visit) -> Response | None:
    name = visit.request.path.partition("/models/")[2]
    if visit.face is not FACE:
        return await LISTS[visit.face][1](visit)
    await in_thread(lambda: visit.server.models.require(name))
    return answer(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": STARTED, "owned_by": "pellucid"}


STARTED = int(time.time())


def _at(base: str) -> list[Route]:
    return [
        Route("POST", f"{base}/chat/completions", chat),
        Route("POST", f"{base}/completions", completions),
        Route("POST", f"{base}/responses", responses),
        Route("POST", f"{base}/embeddings", embeddings),
        Route("GET", f"{base}/responses/*", stored.retrieve),
        Route("POST", f"{base}/responses/input_tokens", input_tokens),
        Route("POST", f"{base}/images/generations", images.images),
        Route("POST", f"{base}/audio/speech", audio.speech),
        Route("POST", f"{base}/audio/transcriptions", audio.transcriptions),
        Route("GET", f"{base}/models", models),
        Route("GET", f"{base}/models/*", model),
    ]


ROUTES = [*_at("/v1"), *_at("/v1beta/openai")]
"""The second is where Gemini has its OpenAI-compatible address."""

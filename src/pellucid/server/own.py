"""Pellucid's own routes: tokens, prompts, receipts, and what this server is."""

from __future__ import annotations

from typing import Any

from .. import __version__
from ..dialects import openai_chat
from ..dialects.base import Failure
from ..dialects.fields import need, take, want
from ..errors import ReceiptNotFound
from ..messages import Request
from ..models.local import LocalModel
from ..prompt.values import Prompt
from ..record.codec import encode, to_json
from ..tokens.encoding import Encoding
from .failures import Refused
from .http_response import Response
from .stored import store_of
from .threads import in_thread
from .visit import Route, Visit, answer


async def _local(visit: Visit, body: dict[str, Any]) -> LocalModel:
    """The model named, or the one by default."""
    models = visit.server.models
    name = take(body, "model", str) or models.default or visit.server.settings.model
    return models.local(await visit.model(name))


async def tokenize(visit: Visit) -> Response | None:
    """`{"content": TEXT}` -> ids, and each token's piece and place."""
    body = await visit.body()
    text, specials = need(body, "content", str), take(body, "parse_special", bool) or False
    model = await _local(visit, body)
    encoding = await in_thread(lambda: model.tokenizer.encode(text, specials=specials))
    return answer({"tokens": list(encoding.ids), "pieces": _pieces(encoding)})


def _pieces(encoding: Encoding) -> list[dict[str, Any]]:
    rows = zip(encoding.ids, encoding.pieces, encoding.offsets, encoding.special, strict=True)
    return [
        {"id": id, "piece": encode(piece), "start": start, "end": end, "special": special}
        for id, piece, (start, end), special in rows
    ]


async def detokenize(visit: Visit) -> Response | None:
    """`{"tokens": [IDS]}` -> their text."""
    body = await visit.body()
    ids = [want(id, int, f"tokens[{i}]") for i, id in enumerate(need(body, "tokens", list))]
    model = await _local(visit, body)
    return answer({"content": await in_thread(lambda: model.tokenizer.decode(ids))})


async def apply_template(visit: Visit) -> Response | None:
    """Messages, as for chat completions -> the prompt, its tokens and where each came from."""
    body = await visit.body()
    model = await _local(visit, body)
    request = openai_chat.decode_request({"model": model.name, **body}).request
    prompt = await in_thread(lambda: model.prepare(request))
    return answer(_prompt(prompt, request))


def _prompt(prompt: Prompt, request: Request) -> dict[str, Any]:
    labels = [prompt.label(span.origin) for span in prompt.spans]
    pieces = _pieces(prompt.encoding)
    for piece, touched in zip(pieces, prompt.origins, strict=True):
        piece["origin"] = [labels[span] for span in touched]
    return {
        "prompt": prompt.text,
        "tokens": list(prompt.ids),
        "pieces": pieces,
        "counts": prompt.counts(),
        "exact": prompt.exact,
        "notes": list(prompt.notes),
    }


async def receipts(visit: Visit) -> Response | None:
    limit = visit.number("limit", 20, 1000)
    query = visit.request.query
    store = await store_of(visit)
    rows = await in_thread(
        lambda: store.list(
            limit,
            model=query.get("model"),
            conversation=query.get("conversation"),
            text=query.get("search"),
            app=query.get("app"),
        )
    )
    return answer({"receipts": [encode(row) for row in rows]})


async def receipt(visit: Visit) -> Response | None:
    name = visit.request.path.removeprefix("/receipts/")
    store = await store_of(visit)
    try:
        found = await in_thread(lambda: store.get(name))
    except ReceiptNotFound as error:
        raise Refused(Failure(404, "not_found", str(error))) from None
    return answer(to_json(found))


async def health(visit: Visit) -> Response | None:
    server = visit.server
    busy = {name: {"running": r, "waiting": w} for name, (r, w) in server.busy.items()}
    lost = server.recorder.failed if server.recorder else 0
    return answer(
        {"status": "ok", "version": __version__, "calls": busy, "receipts_not_kept": lost}
    )


async def openapi(visit: Visit) -> Response | None:
    from .openapi import document

    return answer(document())


ROUTES = [
    Route("POST", "/tokenize", tokenize),
    Route("POST", "/detokenize", detokenize),
    Route("POST", "/apply-template", apply_template),
    Route("GET", "/receipts", receipts),
    Route("GET", "/receipts/*", receipt),
    Route("GET", "/health", health),
    Route("GET", "/openapi.json", openapi),
]

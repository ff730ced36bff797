"""Answers that were given before, read from their receipts: what the Responses API calls stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..dialects import openai_responses
from ..dialects.base import Failure, Head, Incoming
from ..dialects.fields import take
from ..errors import ReceiptNotFound
from ..record.receipt import Receipt
from ..record.store import Store
from .failures import Refused
from .http_response import Response
from .threads import in_thread
from .visit import Visit, answer

PREFIX = "resp_"
ID = re.compile(r"resp_[0-9A-Z]{26}")


async def store_of(visit: Visit) -> Store:
    """The receipts, those of calls that have just ended included."""
    recorder = visit.server.recorder
    if recorder is None:
        raise Refused(Failure(404, "not_found", "This server keeps no receipts (--no-log)."))
    await in_thread(recorder.flush)
    return recorder.store


async def _stored(visit: Visit, id: str) -> Receipt:
    store = await store_of(visit)
    try:
        if ID.fullmatch(id) is None:
            raise ReceiptNotFound(id)
        receipt = await in_thread(lambda: store.get(id.removeprefix(PREFIX)))
        if receipt.kind != "conversation" or openai_responses.NOT_STORED in receipt.notes:
            raise ReceiptNotFound(id)
        return receipt
    except ReceiptNotFound:
        said = f"There is no response {id!r} here, or it was not to be stored."
        raise Refused(Failure(404, "not_found", said)) from None


async def read(visit: Visit) -> Incoming:
    """A request of the Responses API, what was said before it (`previous_response_id`) included.
    Instructions hold for one request, so those of before are not taken over."""
    body = await visit.body()
    id = take(body, "previous_response_id", str)
    if not id:
        return openai_responses.decode_request(body)
    try:
        before = await _stored(visit, id)
    except Refused as refused:
        named = "previous_response_not_found", "previous_response_id"
        raise Refused(Failure(400, "rejected", refused.failure.message, *named)) from None
    rest = {name: value for name, value in body.items() if name != "previous_response_id"}
    incoming = openai_responses.decode_request(rest)
    messages = list(incoming.request.messages)
    at = 1 if body.get("instructions") else 0
    past = [message for message in before.request.messages if message.role != "system"]
    messages[at:at] = [*past, before.reply.message]
    return replace(incoming, request=replace(incoming.request, messages=tuple(messages)))


async def retrieve(visit: Visit) -> Response | None:
    """`responses/ID`, and `responses/ID/input_items`."""
    name = visit.request.path.partition("/responses/")[2]
    id, _, part = name.partition("/")
    receipt = await _stored(visit, id)
    if part == "input_items":
        return answer(_items(receipt))
    if part:
        raise Refused(Failure(404, "not_found", f"A response has no {part!r} here."))
    reply = replace(receipt.reply, tokens=())
    head = Head(id, receipt.model, int(receipt.created), stored=True)
    return answer(openai_responses.encode_reply(reply, head))


def _items(receipt: Receipt) -> Mapping[str, Any]:
    sent = openai_responses.encode_request(receipt.request, receipt.model, stream=False)
    given = sent.body["input"]
    if isinstance(given, str):
        given = [{"type": "message", "role": "user", "content": given}]
    items = [{"id": f"msg_{receipt.id}_in_{i}", **item} for i, item in enumerate(given)]
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {}
    return {"object": "list", "data": items, "has_more": False, **ends}

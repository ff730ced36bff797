"""What went over the wire, secrets removed, and the same call as others would make it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from ...errors import PellucidError
from ...prompt.replay import produced
from ...record.receipt import Receipt
from ...replies import Exchange
from .. import clients, tables
from ..html.markup import table, text
from .panel import Glass, copied, framed, lead, part

FOLDED = 4_000
"""Characters of a body from which on it is folded away."""
SHORT = 200
"""Ids that are shown at once."""
SAID = 200_000
"""Characters of a body that are shown."""


def html(glass: Glass) -> str:
    """Request and response as they were sent; for a local model, what the engine was given."""
    receipt = glass.receipt
    if receipt.exchange is None:
        if receipt.prompt is not None:
            return framed(*_local(receipt))
        return framed(lead(UNSENT if receipt.hosted else WITHIN))
    wire = clients.wire_of(receipt)
    again = [] if wire is None else [_again(wire)]
    if wire is not None and receipt.kind != "conversation":
        again = [_curl(wire)]
    return framed(
        lead("As it was sent; keys are removed before anything is kept."),
        *_exchange(receipt.exchange),
        *again,
    )


WITHIN = "Nothing went over a wire: this model answered within the program."
UNSENT = "Nothing was sent: the call ended before its host was asked."


def _exchange(exchange: Exchange) -> list[str]:
    status = "no answer" if exchange.status is None else str(exchange.status)
    retried = "".join(f"<li>{text(why)}</li>" for why in exchange.retries)
    return [
        part(
            "Request",
            f"<p><code>{text(f'{exchange.method} {exchange.url}')}</code></p>",
            _headers(exchange.sent_headers),
            _body(exchange.sent),
        ),
        part("Retried", f'<ul class="plain">{retried}</ul>') if retried else "",
        part(
            "Response",
            f"<p><code>{text(status)}</code></p>",
            _headers(exchange.received_headers),
            _body(bytes(exchange.received)),
        ),
    ]


def _headers(headers: Mapping[str, str]) -> str:
    return table(headers.items(), "headers") if headers else ""


def _body(data: bytes) -> str:
    """A body as it was, JSON set out in lines; a long one folded."""
    words, size = data.decode("utf-8", "backslashreplace"), f"{len(data):,} bytes"
    with suppress(ValueError, RecursionError):
        words = json.dumps(json.loads(words), ensure_ascii=False, indent=2)
        size += ", set out in lines here"
    if len(words) > SAID:
        words = f"{words[:SAID]}\n[{len(words) - SAID:,} more characters]"
    body = f'<pre tabindex="0">{text(words, mark_lines=False)}</pre>'
    if len(words) <= FOLDED:
        return f'<p class="quiet">{size}</p>{body}'
    return f'<details class="fold"><summary>body, {size}</summary>{body}</details>'


def _curl(wire: clients.Wire) -> str:
    return copied("wire-curl", "As curl", clients.curl(wire))


def _again(wire: clients.Wire) -> str:
    program = clients.python(wire)
    return _curl(wire) + copied("wire-python", "As Python, for the official client", program)


def _local(receipt: Receipt) -> list[str]:
    prompt, reply = receipt.prompt, receipt.reply
    assert prompt is not None
    ids = " ".join(map(str, prompt.ids))
    came = " ".join(str(token.id) for token in reply.tokens)
    first = (
        f"<b>The engine was given {len(prompt):,} ids, no text.</b> It is a process of its own on "
        "this machine; it got the ids with these settings, and answered with ids."
    )
    return [
        lead(first),
        part("Request", table(tables.settings(receipt)), _ids(ids, len(prompt))),
        part("Response", _ids(came, len(reply.tokens))),
        *_served(receipt),
    ]


def _ids(words: str, count: int) -> str:
    body = f'<pre tabindex="0">{words}</pre>'
    opened = " open" if count <= SHORT else ""
    return f'<details class="fold"{opened}><summary>{count:,} ids</summary>{body}</details>'


def _served(receipt: Receipt) -> list[str]:
    """The same over HTTP, as far as that can say it."""
    assert receipt.prompt is not None
    if produced(receipt.prompt):
        return [part("As a request", "<p>A branch begins inside a reply; no API can say that.</p>")]
    try:
        wire = clients.served(receipt)
    except PellucidError as error:
        return [part("As a request", f"<p>{text(str(error))}</p>")]
    about = (
        "With <code>pellucid serve</code> running, this asks for the same in OpenAI's words; the "
        "ids are then made there, from the same messages and template."
    )
    return [part("From another program", f"<p>{about}</p>", _again(wire))]

"""One receipt as one page: self-contained, under a content policy that allows nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64encode
from html import escape
from string import Template
from typing import Any

from ...record.receipt import Receipt
from ..figures import origin_place, origin_reason, others, probability
from ..glyphs import piece_line, visible
from . import sections
from .markup import asset


def receipt_page(receipt: Receipt, earlier: tuple[Receipt, ...] = ()) -> str:
    """The page: figures, messages, the prompt token by token, the reply, and all the rest.

    `earlier` are the calls of the conversation before it, oldest first.
    """
    from .. import glass  # which is made of the pieces here

    seen = glass.Glass(receipt, earlier)
    panels = "".join(
        sections.section(panel.key, panel.title, "", panel.html(seen))
        for panel in glass.PANELS
        if panel.key in BESIDE and (panel.key != "tools" or receipt.kind == "conversation")
    )
    script = asset("page.js")
    body = (
        f'{sections.everything(receipt, panels)}\n<div id="tip" role="tooltip" hidden></div>\n'
        f'<script type="application/json" id="data">{_data(receipt)}</script>\n'
        f"<script>{script}</script>"
    )
    return standalone(
        f"{receipt.model} · {receipt.id}", body, f"'{_hash(script)}'", glass.own_style()
    )


BESIDE = ("tools", "cost", "wire")
"""Panels of the glass that the page shows as they are; it has messages, prompt and reply itself,
with what is known of every token."""


def standalone(title: str, body: str, scripts: str = "'none'", more: str = "") -> str:
    """A page around `body`; `scripts` names what its policy lets run, `more` are further styles."""
    style = asset("tokens.css") + asset("page.css") + more
    return Template(asset("page.html")).substitute(
        title=escape(visible(title)),
        style=style,
        style_hash=_hash(style),
        scripts=scripts,
        body=body,
    )


def _hash(content: str) -> str:
    """What a content policy names an inline element by: https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    return "sha256-" + b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _data(receipt: Receipt) -> str:
    """What the script shows of each token, as JSON that cannot end its own script element."""
    data = {"prompt": _prompt_data(receipt), "reply": _reply_data(receipt)}
    dense = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return dense.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _prompt_data(receipt: Receipt) -> dict[str, Any] | None:
    prompt = receipt.prompt
    if prompt is None:
        return None
    reasons = [origin_reason(prompt, i) for i in range(len(prompt))]
    reason_number = {reason: i for i, reason in enumerate(dict.fromkeys(reasons))}
    return {
        "ids": prompt.ids,
        "bytes": [_bytes(piece) for piece in prompt.encoding.pieces],
        "offsets": prompt.encoding.offsets,
        "places": [origin_place(prompt, i) for i in range(len(prompt.spans))],
        "spans": [touched[0] if len(touched) == 1 else touched for touched in prompt.origins],
        "reasons": list(reason_number),
        "why": [reason_number[reason] for reason in reasons],
    }


def _reply_data(receipt: Receipt) -> dict[str, Any]:
    tokens = receipt.reply.tokens
    return {
        "ids": [token.id for token in tokens],
        "exact": [int(token.exact) for token in tokens],
        "bytes": [_bytes(token.piece) for token in tokens],
        "shares": [_share(token.logprob) for token in tokens],
        "others": [
            [[c.id, piece_line(c.piece), *_share(c.logprob)] for c in others(token)]
            for token in tokens
        ],
    }


def _bytes(piece: bytes) -> str | list[int]:
    """Bytes as their text where they are UTF-8, which is shorter."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)


def _share(logprob: float | None) -> tuple[str, float]:
    """A probability in words and as a share of 1 for a bar."""
    return probability(logprob), 0.0 if logprob is None else round(math.exp(logprob), 4)

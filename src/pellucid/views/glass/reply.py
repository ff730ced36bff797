"""The reply, every token shaded by its probability; behind each, what else might have been said."""

from __future__ import annotations

import json
import math
from html import escape

from ...messages import ToolCall
from ...record.receipt import Receipt
from ...replies import NO_ID, Candidate, ReplyToken
from .. import figures
from ..glyphs import piece_line, shown
from ..html.markup import table, text
from ..html.sections import band_legend, message_parts, outcome
from .panel import Glass, framed, lead, part


def html(glass: Glass) -> str:
    """The reply token by token. Each opens the alternatives to it; one of those, where the model
    is on this machine, goes on from there as a branch."""
    receipt = glass.receipt
    reply = receipt.reply
    parts = [lead(_words(receipt))]
    if reply.tokens:
        tokens = "".join(_tokens(receipt))
        parts += [
            band_legend(),
            f'<div class="said-tokens" role="group" aria-label="tokens of the reply" dir="auto" '
            f"data-roving>{tokens}</div>",
        ]
    if not reply.tokens or any(isinstance(each, ToolCall) for each in reply.message.parts):
        parts.append(f'<div class="said" dir="auto">{message_parts(reply.message)}</div>')
    if reply.error:
        parts.append(part("Not complete", f"<p>{text(reply.error)}</p>"))
    notes = "".join(f"<li>{text(note)}</li>" for note in receipt.notes)
    if notes:
        parts.append(part("Notes", f'<ul class="plain">{notes}</ul>'))
    return framed(*parts)


def _words(receipt: Receipt) -> str:
    reply = receipt.reply
    if receipt.kind != "conversation":
        return f"<b>{outcome(receipt)}.</b>"
    end = f"ended by: {text(reply.finish)}"
    if not reply.tokens:
        return (
            f"<b>{reply.usage.output_total:,} tokens, {end}.</b> The provider reported only the "
            "text, not its tokens."
        )
    words = f"<b>{figures.sureness(reply)}; {end}.</b>"
    if (near := figures.nearly(reply)) is not None:
        number, candidate = near
        said = reply.tokens[number]
        words += (
            f" It came nearest to another word at token {number:,}: "
            f"<code>{text(piece_line(candidate.piece))}</code> "
            f"({figures.probability(candidate.logprob)}) in place of "
            f"<code>{text(piece_line(said.piece))}</code> ({figures.probability(said.logprob)})."
        )
    return words + " Probabilities are the model's own, before temperature and the like."


def _tokens(receipt: Receipt) -> list[str]:
    """Each token as a button, and behind it a card; line ends stand outside of the buttons."""
    reply, out = receipt.reply, []
    ending = len(reply.tokens) - figures.endings(reply)
    texts = shown([token.piece for token in reply.tokens])
    for i, (token, words) in enumerate(zip(reply.tokens, texts, strict=True)):
        kind = figures.band(token.logprob) + (" k" if i >= ending else "")
        label = text(words.replace("\n", "↵")) or "<b>end</b>"
        out.append(
            f'<button type="button" popovertarget="token-{i}">'
            f'<i class="{kind}">{label}</i></button>{"<br>" * words.count(chr(10))}'
        )
        out.append(_card(receipt, i, token))
    return out


def _card(receipt: Receipt, i: int, token: ReplyToken) -> str:
    """What is known of a token, and its alternatives."""
    inferred = "" if token.exact else " (inferred from the text)"
    facts = [
        ("token", f"{i:,}"),
        ("id", "not told" if token.id == NO_ID else f"{token.id}{inferred}"),
        ("bytes", token.piece.hex(" ").upper()),
        ("probability", figures.probability(token.logprob)),
    ]
    others = figures.others(token)
    branches = receipt.exchange is None and receipt.prompt is not None
    listed = "".join(_other(receipt, i, each, branches) for each in others)
    if others:
        head = "nearly said: choose one to go on from it" if branches else "nearly said"
        listed = f'<p class="quiet">{head}</p><ul>{listed}</ul>'
    else:
        listed = '<p class="quiet">Alternatives were not reported.</p>'
    return (
        f'<div popover id="token-{i}" class="card" role="dialog" aria-label="token {i}">'
        f"<h4>{text(piece_line(token.piece)) or 'end'}</h4>{table(facts)}{listed}</div>"
    )


def _other(receipt: Receipt, i: int, candidate: Candidate, branches: bool) -> str:
    share = 0.0 if candidate.logprob is None else math.exp(candidate.logprob)
    said, odds = text(piece_line(candidate.piece)), figures.probability(candidate.logprob)
    line = (
        f'<span>{said or "end"}</span><svg viewBox="0 0 100 6" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect width="{100 * share:.1f}" height="6"/></svg>'
        f"<small>{odds}</small>"
    )
    if not branches or candidate.id == NO_ID:
        return f"<li>{line}</li>"
    value = escape(json.dumps({"receipt": receipt.id, "token": i, "id": candidate.id}))
    return (
        f'<li><button type="button" data-pellucid="branch" data-value="{value}" '
        f'title="go on from here as a branch; id {candidate.id}">{line}</button></li>'
    )

"""Snippets for a notebook's cell: their own styles, no script; a title on every token."""

from __future__ import annotations

import base64
from html import escape

from ...pictures.picture import Picture
from ...prompt.values import Prompt
from ...record.receipt import Receipt
from ...replies import Reply
from ...speech.speaking import Speech
from ...tokens.encoding import Encoding
from ...tokens.model import about_added
from .. import figures
from ..glyphs import piece_line
from ..tokens import added
from .flow import Title, encoding_flow, legend, prompt_flow, reply_flow
from .markup import asset, text
from .sections import band_legend, prompt_bar

_MOST_TITLES = 5_000
"""A notebook keeps its output in its file: longer texts are shown without a title a token."""


def prompt_fragment(prompt: Prompt) -> str:
    """The prompt's tokens coloured by origin, with a legend."""
    return cell(_prompt(prompt))


def encoding_fragment(encoding: Encoding) -> str:
    """Text as coloured tokens."""

    def title(i: int) -> str:
        start, end = encoding.offsets[i]
        return f"{_token(encoding.ids[i], encoding.pieces[i])}\ncharacters {start} to {end}"

    parts = ["1 token" if len(encoding) == 1 else f"{len(encoding):,} tokens"]
    if front := added(encoding):
        parts.append(about_added(encoding.pieces[:front]))
    head = f'<p class="quiet">{text(" · ".join(parts))}</p>'
    return cell(head + encoding_flow(encoding, _unless_long(title, len(encoding))))


def reply_fragment(reply: Reply) -> str:
    """The reply's tokens shaded by probability."""
    return cell(_reply(reply))


def receipt_fragment(receipt: Receipt) -> str:
    """A receipt in short: its figures, the prompt and the reply."""
    head = f"<p><strong>{text(receipt.model)}</strong> {' · '.join(figures.status(receipt))}</p>"
    prompt = "" if receipt.prompt is None else _prompt(receipt.prompt)
    return cell(head + prompt + _reply(receipt.reply))


def speech_fragment(speech: Speech) -> str:
    """A player that holds the sound."""
    sound = base64.b64encode(speech.encoded()).decode()
    player = f'<audio controls src="data:audio/wav;base64,{sound}"></audio>'
    return cell(f'{player}<p class="quiet">{text(speech.text)}</p>')


def picture_fragment(picture: Picture) -> str:
    """The picture, its text below it."""
    data = base64.b64encode(bytes(picture)).decode()
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(picture.text)}">'
    return cell(f'{image}<p class="quiet">{text(picture.text)}</p>')


def _prompt(prompt: Prompt) -> str:
    def title(i: int) -> str:
        start, end = prompt.encoding.offsets[i]
        places = " + ".join(figures.origin_place(prompt, span) for span in prompt.origins[i])
        return (
            f"{_token(prompt.ids[i], prompt.encoding.pieces[i])}\n{places}: "
            f"{figures.origin_reason(prompt, i)}\ncharacters {start} to {end}"
        )

    flow = prompt_flow(prompt, _unless_long(title, len(prompt)))
    return prompt_bar(prompt) + legend(prompt) + flow


def _reply(reply: Reply) -> str:
    def title(i: int) -> str:
        token = reply.tokens[i]
        nearly = "".join(
            f"\n  {piece_line(c.piece)} {figures.probability(c.logprob)}"
            for c in figures.others(token)
        )
        return (
            f"{_token(token.id, token.piece)}\nprobability {figures.probability(token.logprob)}"
            f"\nnearly chose:{nearly or ' unknown'}"
        )

    if not reply.tokens:
        return f'<div class="said"><p>{text(reply.text)}</p></div>'
    return band_legend() + reply_flow(reply, _unless_long(title, len(reply.tokens)))


def _token(number: int, piece: bytes) -> str:
    return f"{piece_line(piece)}\nid {number}\nbytes {piece.hex(' ').upper()}"


def _unless_long(title: Title, tokens: int) -> Title | None:
    return title if tokens <= _MOST_TITLES else None


def cell(body: str) -> str:
    """A notebook's cell around `body`, with its style."""
    return f'<style>{asset("tokens.css")}</style><div class="pellucid cell">{body}</div>'

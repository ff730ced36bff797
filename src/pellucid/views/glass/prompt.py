"""The rendered template: control tokens as badges, colour by origin, and why a stretch is there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ...prompt.values import Prompt
from .. import figures
from ..glyphs import shown
from ..html.flow import Row, legend, prompt_row, prompt_rows
from ..html.markup import ORIGIN_CLASS, text
from ..html.sections import prompt_bar, prompt_words
from .panel import Glass, framed, lead

FOLDED = 600
"""Tokens of a message from which on the rest of it is folded away."""


def html(glass: Glass) -> str:
    """The prompt as it reads, stretch by stretch; pointing at one, or reaching it with the
    keyboard, tells its message, its part and why it is there."""
    prompt = glass.receipt.prompt
    if prompt is None:
        return framed(lead("The provider built it; only the messages are known here."))
    texts = shown(prompt.encoding.pieces)
    rows = "".join(_row(prompt, each, texts) for each in prompt_rows(prompt))
    about = (
        ""
        if prompt.exact
        else " The template rewrites text: the origins inside it are approximate."
    )
    return framed(
        lead(f"<b>{prompt_words(prompt)}.</b>{about}"),
        prompt_bar(prompt),
        legend(prompt),
        f'<div class="runs" role="group" aria-label="prompt" data-roving>{rows}</div>',
    )


def _row(prompt: Prompt, each: Row, texts: list[str]) -> str:
    cut = min(each.end, each.start + FOLDED)
    body = "".join(_runs(prompt, each.start, cut, texts))
    if rest := "".join(_runs(prompt, cut, each.end, texts)):
        more = f"{each.end - cut:,} more tokens"
        body += f'<details class="fold"><summary>{more}</summary>{rest}</details>'
    return prompt_row(each, [body])


def _runs(prompt: Prompt, start: int, end: int, texts: list[str]) -> Iterator[str]:
    """Tokens of one origin as one element; a control token alone."""
    special, labels = prompt.encoding.special, prompt.spans

    def alike(i: int) -> tuple[tuple[int, ...], int]:
        return prompt.origins[i], i if special[i] else -1

    for (touched, _), tokens in groupby(range(start, end), alike):
        numbers = list(tokens)
        words = text("".join(texts[i] for i in numbers))
        kind = ORIGIN_CLASS[prompt.label(labels[touched[0]].origin)]
        kind += (" x" if len(touched) > 1 else "") + (" k" if special[numbers[0]] else "")
        yield (
            f'<i class="{kind}" tabindex="0">{words}'
            f'<span class="tip" role="tooltip">{_why(prompt, numbers)}</span></i>'
        )


def _why(prompt: Prompt, numbers: list[int]) -> str:
    """Where a stretch of tokens comes from and why it is there."""
    at, last = numbers[0], numbers[-1]
    places = " + ".join(figures.origin_place(prompt, span) for span in prompt.origins[at])
    start, end = prompt.encoding.offsets[at][0], prompt.encoding.offsets[last][1]
    count = f"token {at:,}, id {prompt.ids[at]}"
    if last > at:
        count = f"tokens {at:,} to {last:,}"
    return (
        f"<b>{text(places)}</b> {text(figures.origin_reason(prompt, at))}"
        f"<br>{count}; characters {start:,} to {end:,}"
    )

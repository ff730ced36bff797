"""Every token of the prompt with its id and bytes, what the window is spent on, what was cached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...prompt.values import Prompt
from ...record.divergence import divergence
from .. import figures, tables
from ..glyphs import piece_line
from ..html.flow import legend, prompt_classes, prompt_row, prompt_rows
from ..html.markup import share_bar, table, text
from ..html.sections import prompt_words, window_bar
from .panel import Glass, framed, lead, part

CHIPS, LEAST = 3_000, 20
"""Tokens that are shown as chips, and of each message at least; the rest of it is folded away."""

BYTES = 6
"""Bytes of a token that its chip shows; longer ones are words, which can be read."""

CUT = "------ the cache ended here\n"


def html(glass: Glass) -> str:
    """Chips, counts by origin, the window, and how far the cache reached."""
    receipt = glass.receipt
    prompt = receipt.prompt
    window = window_bar(receipt) or "<p>How large the context window is, is not known.</p>"
    parts = [part("The context window", window), part("The cache", *_cache(glass))]
    if prompt is None:
        counted = tables.counts(receipt)
        parts += [part("Counted here", table(counted, "n"))] if counted else []
        words = "The provider made the prompt out of sight, so its ids are not known here."
        return framed(lead(words), *parts)
    chips = "".join(_rows(prompt, receipt.reply.usage.cache_read))
    listed = f'<div class="chips" role="group" aria-label="tokens of the prompt">{chips}</div>'
    words = f"<b>{prompt_words(prompt)}.</b>"
    return framed(lead(words), *parts, part("Ids and bytes", legend(prompt), listed))


def _cache(glass: Glass) -> Iterator[str]:
    """How far the cache reached, and why no further."""
    receipt = glass.receipt
    usage, prompt = receipt.reply.usage, receipt.prompt
    cached, total = usage.cache_read, usage.input_total
    yield share_bar({"cached": cached}, total, f"{cached:,} of {total:,} tokens from the cache")
    words = f"<b>{cached:,} of {total:,} tokens were read from the cache</b>"
    words += f" ({figures.KNOWN[usage.known]})"
    if prompt is not None and cached < len(prompt):
        place = figures.origin_place(prompt, prompt.origins[cached][0])
        piece = piece_line(prompt.encoding.pieces[cached])
        words += f"; it ends before token {cached:,}, <code>{text(piece)}</code> ({text(place)})"
    yield f"<p>{words}.</p>"
    if glass.earlier:
        found = divergence(glass.earlier[-1], receipt)
        facts = figures.divergence_facts(found)
        yield f"<p>Beside the call before: {text(found.why)} {text(facts)}</p>"


def _rows(prompt: Prompt, cached: int) -> Iterator[str]:
    """The messages, their tokens as chips; of a long one most are folded away, a line each."""
    classes = prompt_classes(prompt)
    if 0 < cached < len(prompt):
        classes[cached] += " cut"
    lines: dict[int, str] = {}
    rows = prompt_rows(prompt)
    most = max(CHIPS // max(len(rows), 1), LEAST)
    for each in rows:
        cut = min(each.end, each.start + most)
        body = f"<p>{_chips(prompt, classes, each.start, cut)}</p>"
        if cut < each.end:
            rest = "".join(
                (CUT if i == cached else "") + _line(prompt, i, lines) for i in range(cut, each.end)
            )
            more = f"{each.end - cut:,} more tokens: id, text, bytes"
            body += (
                f'<details class="fold"><summary>{more}</summary>'
                f'<pre class="ids" tabindex="0">{rest}</pre></details>'
            )
        yield prompt_row(each, [body])


def _chips(prompt: Prompt, classes: Sequence[str], start: int, end: int) -> str:
    """Tokens as chips; id and bytes are attributes that the style shows."""
    pieces, ids = prompt.encoding.pieces, prompt.ids
    return "".join(
        f'<i class="{classes[i]}" data-id="{ids[i]}" data-bytes="{_bytes(pieces[i])}">'
        f"{text(piece_line(pieces[i]))}</i>"
        for i in range(start, end)
    )


def _line(prompt: Prompt, i: int, lines: dict[int, str]) -> str:
    """A token as a line of text, so that thirty thousand of them are a few elements; those that
    were made before are in `lines`, by id."""
    id = prompt.ids[i]
    if id not in lines:
        piece = prompt.encoding.pieces[i]
        lines[id] = f"{id:>6} {text(piece_line(piece))}\t{_bytes(piece)}\n"
    return lines[id]


def _bytes(piece: bytes) -> str:
    words = piece[:BYTES].hex(" ").upper()
    return f"{words} …" if len(piece) > BYTES else words

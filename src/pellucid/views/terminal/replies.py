"""A reply as terminal text: what the model said, how sure it was, what it nearly said."""

from __future__ import annotations

import math

from ...replies import Reply, ReplyToken
from ..figures import band, endings, others, probability, sureness
from ..glyphs import piece_line, runs, shown, visible
from .style import BADGE, BAND, DIM, Cell, bar, clip, paint, table

_BAR = 10


def why(reply: Reply, *, color: bool = False, width: int = 80) -> str:
    """Each token of the reply, its probability, and the alternatives the model nearly chose."""
    if not reply.tokens:
        return "The model reported no tokens for this reply; only its text is known."
    rows = [_row(token) for token in reply.tokens]
    header = [Cell(name, DIM) for name in ("token", "id", "probability", "", "nearly chose")]
    lines = [table([header, *rows], right=" rr", color=color, width=width)]
    lines += ["", paint(sureness(reply), DIM, color)]
    if not all(token.exact for token in reply.tokens):
        lines.append(paint("~ marks an id inferred from the text", DIM, color))
    return "\n".join(lines)


def _row(token: ReplyToken) -> list[Cell | str]:
    share = 0.0 if token.logprob is None else math.exp(token.logprob)
    style = BAND[band(token.logprob)]
    nearly = "  ".join(f"{piece_line(c.piece)} {probability(c.logprob)}" for c in others(token))
    return [
        Cell(clip(piece_line(token.piece), 24), style),
        Cell(("" if token.exact else "~") + str(token.id), DIM),
        probability(token.logprob),
        Cell(bar(share, _BAR), DIM),
        nearly,
    ]


def shaded(reply: Reply, *, color: bool = False) -> str:
    """The reply's text, less sure tokens marked: by colour and line, or `{41%}` behind them.

    Without colour only tokens under 50% are marked. Tokens that end the reply are badges.
    """
    out = []
    texts = shown([token.piece for token in reply.tokens])
    first_ending = len(reply.tokens) - endings(reply)
    for i, (token, text) in enumerate(zip(reply.tokens, texts, strict=True)):
        grade = band(token.logprob)
        for run, spelled in runs(text):
            if run == "\n":
                out.append("\n")
            else:
                badge = spelled or i >= first_ending
                out.append(paint(spelled or run, BADGE if badge else BAND[grade], color))
        if not color and grade in ("p2", "p3"):
            out.append(f"{{{probability(token.logprob)}}}")
    return "".join(out)


def plain(text: str) -> str:
    """Text of several lines, safe for a terminal."""
    return "\n".join(visible(line) for line in text.split("\n"))

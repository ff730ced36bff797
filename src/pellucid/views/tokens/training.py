"""A vocabulary being learned."""

from __future__ import annotations

from collections.abc import Sequence

from ...tokens.bpe import BYTES, Learned
from ..terminal.style import BOLD, DIM, cells, clip, paint
from .listings import quoted


def learned(
    step: Learned, left: bytes, right: bytes, *, color: bool = False, width: int = 80
) -> str:
    """One merge as it is learned: rank, the pair, the token, how often it stood there."""
    pair = f"{quoted(left)} + {quoted(right)}"
    room = max(width - 40, 24)
    pair = clip(pair, room)
    gap = " " * max(room - cells(pair), 0)
    return (
        paint(f"{step.id - BYTES:>6} ", DIM, color)
        + f"{pair}{gap} → {step.id} "
        + paint(quoted(step.piece), BOLD, color)
        + paint(f"  {step.count:,}×", DIM, color)
    )


def trained(
    steps: Sequence[Learned],
    size: int,
    tokens: int,
    wanted: int,
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """What training came to: the longest tokens, and how much shorter the text became.

    `size` is that of the text in bytes, `tokens` what it becomes, `wanted` the tokens asked for.
    """
    have = BYTES + len(steps)
    lines = [f"{have:,} tokens: {BYTES} bytes and {len(steps):,} merges"]
    if have < wanted:
        lines[0] += f"; {wanted:,} were asked for, but no other pair stands side by side twice"
    longest = sorted(steps, key=lambda step: -len(step.piece))[:12]
    if longest:
        lines.append("the longest: " + "  ".join(quoted(step.piece) for step in longest))
    share = f", {size / tokens:.2f} bytes a token" if tokens else ""
    lines.append(f"the text: {size:,} bytes, now {tokens:,} tokens{share}")
    return "\n".join(lines)

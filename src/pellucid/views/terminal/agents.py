"""Who said what to whom while agents ran, as a tree."""

from __future__ import annotations

from collections.abc import Iterator

from ...agents.outcome import Outcome
from ...agents.trace import Said
from ..glyphs import visible
from .style import BOLD, DIM, clip, paint


def trace(outcome: Outcome, *, color: bool = False, width: int = 88) -> str:
    """The tree: each branch what was said to whom, and what was answered; then what it took."""
    lines = [clip(f"you: {_line(outcome.trace.words)}", width)]
    lines += _branches(outcome.trace, "", color, width)
    spent = f"{outcome.calls} calls, {outcome.tokens:,} tokens; run {outcome.run}"
    return "\n".join([*lines, paint(spent, DIM, color)])


def remarks(outcome: Outcome) -> list[str]:
    """What failed, and what was left out, a sentence each."""
    return [visible(sentence) for sentence in (*outcome.problems, *outcome.notes)]


def _branches(said: Said, indent: str, color: bool, width: int) -> Iterator[str]:
    for branch in said.inner:
        last = branch is said.inner[-1]
        below = indent + ("   " if last else "│  ")
        names, words = head(branch)
        line = clip(f"{names}: {_line(words)}", width - len(indent) - 3)
        named = paint(line[: len(names)], BOLD, color) + line[len(names) :]
        yield f"{indent}{'└─' if last else '├─'} {named}"
        yield from _branches(branch, below, color, width)
        mark = "✗" if branch.failed else "←"
        mark += " (from the notebook)" if branch.kept else ""
        lines = branch.answer.splitlines() if branch.kind == "plan" else [branch.answer]
        for line in filter(None, map(_line, lines)):
            yield below + paint(clip(f"{mark} {line}", width - len(below)), DIM, color)
            mark = " "


def head(said: Said) -> tuple[str, str]:
    """Who speaks to whom, and what is said."""
    if said.kind == "plan":
        return f"{said.sender} (plan)", said.words
    source = f" ({said.source})" if said.source else ""
    gear = "⚙ " if said.kind == "tool" else ""
    return visible(f"{said.sender} → {gear}{said.receiver}{source}"), said.words


def _line(text: str) -> str:
    return " ".join(visible(text.replace("\n", " ")).split())

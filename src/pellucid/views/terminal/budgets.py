"""How the context window is spent, as a table."""

from __future__ import annotations

from ...prompt.budget import Budget
from ...prompt.values import Label
from ..figures import percent
from .style import BOLD, DIM, ORIGIN, Cell, bar, paint, table

_LAST_TURNS = 6
"""Turns that have a line of their own; older ones share one."""


def budget(budget: Budget, *, color: bool = False, width: int = 80) -> str:
    """Tokens by what they are for, their share of the window, and the room for the answer."""
    parts: list[tuple[str, int, Label]] = [
        ("system", budget.system, "system"),
        ("tools", budget.tools, "tools"),
        *((name, count, "user") for name, count in _turns(budget.turns)),
        ("passages", budget.passages, "passage"),
        ("template", budget.scaffold, "scaffold"),
        ("generation prompt", budget.generation, "generation"),
    ]
    rows = [_row(name, count, budget, ORIGIN[label]) for name, count, label in parts if count]
    rows.append(_row("prompt", budget.total, budget, BOLD))
    rows.append(_row("room for the answer", max(budget.room, 0), budget, ""))
    header = [Cell(name, DIM) for name in ("", "tokens", "of window")]
    lines = [table([header, *rows], right=" rr", color=color, width=width)]
    lines.append(_verdict(budget, color))
    return "\n".join(lines)


def _turns(turns: tuple[int, ...]) -> list[tuple[str, int]]:
    older = max(len(turns) - _LAST_TURNS, 0)
    if older == 1:
        older = 0  # a line for one turn is no longer than a line for all
    rows = [(f"turn {n + 1}", turns[n]) for n in range(older, len(turns))]
    return [(f"turns 1 to {older}", sum(turns[:older])), *rows] if older else rows


def _row(name: str, count: int, budget: Budget, style: str) -> list[Cell | str]:
    share = count / budget.window if budget.window else None
    return [
        Cell(name, style),
        f"{count:,}",
        "unknown" if share is None else percent(share),
        Cell(bar(share or 0.0, 20), style),
    ]


def _verdict(budget: Budget, color: bool) -> str:
    if not budget.window:
        return paint("The size of the context window is not known.", DIM, color)
    need = f"the answer needs room for {budget.reserve:,}"
    if budget.fits:
        return paint(f"Fits the window of {budget.window:,} tokens; {need}.", DIM, color)
    over = budget.reserve - budget.room
    return f"Does not fit the window of {budget.window:,} tokens: {over:,} too many; {need}."

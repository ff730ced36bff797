"""What chat templates make of a conversation, as terminal text."""

from __future__ import annotations

from collections.abc import Sequence

from ..prompt.diff import Row, Side
from ..prompt.lint import MEANING, Finding
from ..prompt.rendition import Rendition
from .glyphs import visible
from .terminal.prompts import body
from .terminal.style import BOLD, DIM, ORIGIN, cells, fold, paint

_LABEL = 10
"""Columns of the margin that says where a text came from."""


def rendition(rendition: Rendition, *, color: bool = False, width: int = 80) -> str:
    """The text a conversation becomes, coloured by origin, with control tokens as badges."""
    text = body(
        rendition.text,
        rendition.spans,
        rendition.controls,
        rendition.label,
        color=color,
        width=width,
    )
    count = len(rendition.controls)
    lines = [f"{len(rendition.text):,} characters, {count:,} control tokens"]
    if not rendition.exact:
        lines.append("The template rewrites text: the origins inside it are approximate.")
    return "\n".join([text, "", *lines, *rendition.notes])


def findings(
    name: str, findings: Sequence[Finding], *, color: bool = False, width: int = 80
) -> str:
    """What a lint found, each kind explained once."""
    if not findings:
        return f"{paint(name, BOLD, color)}: nothing found"
    things = "thing" if len(findings) == 1 else "things"
    lines = [f"{paint(name, BOLD, color)}: {len(findings)} {things} found"]
    before = None
    for finding in findings:
        if finding.kind != before:
            first, *rest = fold(f"{finding.kind}: {MEANING[finding.kind]}", width)
            kind = paint(finding.kind, BOLD, color)
            lines += ["", kind + first.removeprefix(finding.kind), *rest]
            before = finding.kind
        lines += [f"  {line}" for line in fold(finding.message, width - 2)]
        for line in fold(visible(finding.example), width - 4) if finding.example else ():
            lines.append(paint(f"    {line}", DIM, color))
    return "\n".join(line.rstrip() for line in lines)


def diff(
    left: str,
    right: str,
    rows: Sequence[Row],
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """Two renderings side by side. A margin names the origin of each row; `=` stands between
    sides that are the same. Where they are known, the ids of each stretch are below it."""
    column = max((width - _LABEL - 6) // 2, 20)
    lines = [_line("", [left[:column]], [right[:column]], " ", column, color, BOLD)]
    for row in rows:
        texts = _shown(row.left, column), _shown(row.right, column)
        lines.append(_line(row.label, *texts, "=" if row.same else "│", column, color))
        tokens = _ids(row.left, column), _ids(row.right, column)
        if any(tokens):
            lines.append(_line("", *tokens, "│", column, color, DIM))
    return "\n".join([*lines, "", *_totals(left, right, rows)])


def _shown(side: Side | None, column: int) -> list[str]:
    """The text of one side as lines of at most `column` columns; `↵` stands for a new line."""
    if side is None:
        return []
    return [
        line for part in side.text.splitlines(keepends=True) for line in fold(visible(part), column)
    ]


def _ids(side: Side | None, column: int) -> list[str]:
    return fold(" ".join(map(str, side.ids)), column) if side and side.ids else []


def _line(
    label: str,
    left: Sequence[str],
    right: Sequence[str],
    between: str,
    column: int,
    color: bool,
    style: str = "",
) -> str:
    """A row of two columns, as many lines as the longer of them needs."""
    style = style or next((ORIGIN[known] for known in ORIGIN if known == label), "")
    out = []
    for i in range(max(len(left), len(right), 1)):
        cell, other = (side[i] if i < len(side) else "" for side in (left, right))
        room = " " * (column - cells(cell))
        margin = paint(f"{label if i == 0 else '':>{_LABEL}}", style, color)
        out.append(
            f"{margin}  {paint(cell, style, color)}{room} {between} "
            f"{paint(other, style, color)}".rstrip()
        )
    return "\n".join(out)


def _totals(left: str, right: str, rows: Sequence[Row]) -> list[str]:
    """How long each side is, in characters, and in tokens where they are known."""
    out = []
    for name, sides in ((left, [r.left for r in rows]), (right, [r.right for r in rows])):
        there = [side for side in sides if side is not None]
        said = f"{sum(len(side.text) for side in there):,} characters, "
        said += f"{sum(len(side.controls) for side in there):,} control tokens"
        if all(side.ids is not None for side in there):
            said += f", {sum(len(side.ids or ()) for side in there):,} tokens"
        out.append(f"{name}: {said}")
    return out

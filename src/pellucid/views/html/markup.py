"""The smallest pieces of HTML: escaped text, tables, bars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

from ...prompt.values import LABELS, Label
from ..glyphs import runs

ORIGIN_CLASS: dict[Label, str] = {label: f"o{i}" for i, label in enumerate(LABELS)}


def asset(name: str) -> str:
    """A style sheet, a script or a template of this package."""
    return files(__package__).joinpath(name).read_text("utf-8")


def text(value: str, *, mark_lines: bool = True) -> str:
    """Text as HTML. What would act or hide is spelled out in a `<b>`; lines and tabs are kept, and
    with `mark_lines` they are marked as well."""
    out = []
    for run, spelled in runs(value):
        if spelled is None:
            out.append(escape(run))
        else:
            kept = run if run in "\n\t" else ""
            if kept and not mark_lines:
                out.append(kept)
                continue
            out.append(f"<b>{spelled}</b>{kept}" if kept else f'<b class="e">{spelled}</b>')
    return "".join(out)


def table(rows: Iterable[tuple[str, ...]], kind: str = "", head: Sequence[str] = ()) -> str:
    """Rows as a table whose first column is its heads; `head` are those of the columns."""
    top = "".join(f"<td>{text(cell)}</td>" for cell in head)
    body = (f"<tr class=head>{top}</tr>" if top else "") + "".join(
        f"<tr><th scope=row>{text(first)}</th>"
        + "".join(f"<td>{text(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f'<table class="{kind}">{body}</table>'


SEEN = 3.0
"""Thousandths of a bar that the smallest piece takes, or nobody would see it."""


def share_bar(parts: Mapping[str, int], whole: int, words: str) -> str:
    """A bar of `whole` with one piece for each class of `parts`; `words` say what it shows.

    Widths are attributes of a drawing: a strict content policy refuses style attributes.
    """
    at, shapes = 0.0, []
    for name, count in parts.items():
        width = max(1000 * count / whole, SEEN) if whole and count else 0.0
        shapes.append(f'<rect class="{name}" x="{at:.2f}" width="{width:.2f}" height="8"/>')
        at += width
    return (
        '<svg class="bar" viewBox="0 0 1000 8" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}">{"".join(shapes)}</svg>'
    )

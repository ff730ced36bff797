"""Counts: of files, and those that are estimated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..glyphs import visible
from ..terminal.style import DIM, Cell, table, wrapped
from .listings import ratio

if TYPE_CHECKING:
    from ...tokens.counting import Counted
    from ...tokens.estimates import Estimate


def estimated(model: str, found: Estimate, *, color: bool = False, width: int = 80) -> str:
    """A count that was not made on the model's own ids: with its range, and what it rests on."""
    about = f"about {found.tokens:,} tokens, likely {found.low:,} to {found.high:,}"
    note = f"estimated: {visible(model)} has no published tokenizer; {found.basis}"
    return "\n".join([about, *wrapped(note, width, color)])


def counts(
    name: str,
    files: Sequence[Counted],
    is_estimate: bool = False,
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """Tokens by file and in total."""
    texts = any(file.texts != 1 for file in files)
    header = ["tokens", "characters", "characters a token", *(["texts"] if texts else []), ""]
    whole = [
        sum(column)
        for column in zip(*((f.tokens, f.characters, f.texts) for f in files), strict=True)
    ]
    rows = [(f.tokens, f.characters, f.texts, _file_name(f)) for f in files]
    if len(files) > 1:
        rows.append((whole[0], whole[1], whole[2], f"{len(files):,} files in all"))
    body = [
        [
            f"{tokens:,}",
            f"{characters:,}",
            ratio(characters / tokens if tokens else None),
            *([f"{number:,}"] if texts else []),
            label,
        ]
        for tokens, characters, number, label in rows
    ]
    right = "rrrr" if texts else "rrr"
    shown = table(
        [[Cell(word, DIM) for word in header], *body], right=right, color=color, width=width
    )
    known = "estimated, nine in ten within about 20%" if is_estimate else "exact"
    note = f"{visible(name)} · {known} · what a model's configuration adds in front is not counted"
    return "\n".join([shown, "", *wrapped(note, width, color)])


def _file_name(file: Counted) -> str:
    return visible(file.name) + (" (with bytes replaced)" if file.replaced else "")

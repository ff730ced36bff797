"""Counts: of files, and those that are estimated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..glyphs import visible
from ..terminal.style import DIM, Cell, table, wrapped
from .listings import ratio

if TYPE_CHECKING:
    from ...tokens.counting import Counted
    from ...tokens.estimates import Estimate


def estimated(model: str, found: Estimate, *, color: bool = False, width: int = 80) -> str:
    """A count that was not made on the model's own ids: with its range, and what it rests on."""
    about = f"about {_tokens(found.tokens)}, likely {found.low:,} to {found.high:,}"
    note = f"estimated: {visible(model)} has no published tokenizer; {found.basis}"
    return "\n".join([about, *wrapped(note, width, color)])


def estimates(found: Mapping[str, Estimate], *, color: bool = False, width: int = 80) -> str:
    """Such counts of several models."""
    return "\n\n".join(estimated(name, e, color=color, width=width) for name, e in found.items())


def reported(count: int, maker: str, *, color: bool = False, width: int = 80) -> str:
    """A count that the provider made."""
    return "\n".join([_tokens(count), *wrapped(f"reported: {_by(maker)}", width, color)])


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count:,} tokens"


def _by(maker: str) -> str:
    return f"counted by {visible(maker)}, a text as one message, the frame around it included"


def counts(
    name: str,
    files: Sequence[Counted],
    likely: Callable[[int], tuple[int, int]] | None = None,
    maker: str = "",
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """Tokens by file and in total, by the vocabulary or for the model called `name`.

    `likely` gives the range of a count that is estimated, `maker` who reported one.
    """
    whole = [
        sum(column)
        for column in zip(*((f.tokens, f.characters, f.texts) for f in files), strict=True)
    ]
    rows = [(f.tokens, f.characters, f.texts, _file_name(f)) for f in files]
    if len(files) > 1:
        rows.append((whole[0], whole[1], whole[2], f"{len(files):,} files in all"))
    texts = any(file.texts != 1 for file in files)
    header = ["tokens", *(["likely"] if likely else []), "characters", "characters a token"]
    header += ["texts"] if texts else []
    body = []
    for tokens, characters, number, label in rows:
        row = [f"~{tokens:,}" if likely else f"{tokens:,}"]
        if likely:
            low, high = likely(tokens)
            row.append(f"{low:,} to {high:,}")
        row += [f"{characters:,}", ratio(characters / tokens if tokens else None)]
        body.append([*row, *([f"{number:,}"] if texts else []), label])
    shown = table(
        [[Cell(word, DIM) for word in (*header, "")], *body],
        right="r" * len(header),
        color=color,
        width=width,
    )
    note = f"{visible(name)} · exact · what a model's configuration adds in front is not counted"
    if maker:
        note = f"{visible(name)} · reported: {_by(maker)}"
    elif likely:
        note = (
            f"estimated: {visible(name)} has no published tokenizer; o200k_base tokens × what was "
            "measured for the scripts of each text; nine in ten true counts are in the range"
        )
    return "\n".join([shown, "", *wrapped(note, width, color)])


def _file_name(file: Counted) -> str:
    return visible(file.name) + (" (with bytes replaced)" if file.replaced else "")

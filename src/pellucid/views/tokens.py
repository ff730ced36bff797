"""The token lab as terminal text: listings, comparisons, steps, measures.

Each function returns a string, as those of `views.terminal` do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..tokens.bpe import BYTES, Learned
from ..tokens.counting import Counted
from ..tokens.encoding import Encoding
from ..tokens.estimates import Estimate
from ..tokens.explain import Explained
from ..tokens.measures import Age, Density, density
from . import terminal
from .glyphs import piece_text, visible
from .terminal.style import BADGE, BOLD, DIM, Cell, cells, clip, paint, table

_ALIGNED_ROWS = 200
"""Of a comparison: beyond so many rows, only those that differ are shown."""


def quoted(piece: bytes) -> str:
    """Bytes as text in quotes, blanks as they are; those that are not UTF-8 in hex."""
    return f"'{visible(piece_text(piece))}'"


def listing(name: str, encoding: Encoding, *, color: bool = False, width: int = 80) -> str:
    """One token a line, id = piece, and what was added in front of the text."""
    front = added(encoding)
    notes = [
        "added" if i < front else "control" if special else ""
        for i, special in enumerate(encoding.special)
    ]
    lines = _lines(zip(encoding.ids, encoding.pieces, notes, strict=True), color, width)
    return "\n".join([*lines, "", summary(name, encoding, color)])


def _lines(rows: Iterable[tuple[int, bytes, str]], color: bool, width: int) -> list[str]:
    """id = piece, and a word on those that are not ordinary text, which are badges."""
    rows = list(rows)
    digits = max((len(str(id)) for id, _, _ in rows), default=0)
    lines = []
    for id, piece, note in rows:
        text = paint(
            clip(quoted(piece), max(width - digits - 12, 20)), BADGE if note else "", color
        )
        line = f"{paint(str(id).rjust(digits), DIM, color)} = {text}"
        lines.append(f"{line}  {paint(note, DIM, color)}" if note else line)
    return lines


def chips(name: str, encoding: Encoding, *, color: bool = False, width: int = 80) -> str:
    """The text as it reads, every token apart."""
    body = terminal.chips(encoding, color=color, width=width)
    return "\n".join([body, "", summary(name, encoding, color)])


def added(encoding: Encoding) -> int:
    """How many tokens the model's configuration put in front of the text."""
    count = 0
    for special, (start, end) in zip(encoding.special, encoding.offsets, strict=True):
        if not special or start < end:
            break
        count += 1
    return count


def summary(name: str, encoding: Encoding, color: bool = False) -> str:
    """How many tokens, how dense, by which vocabulary."""
    front = added(encoding)
    dense = density(name, encoding.text, len(encoding) - front)
    parts = [
        f"{len(encoding):,} token{'' if len(encoding) == 1 else 's'}",
        f"{dense.characters:,} characters",
        f"{_ratio(dense.characters_per_token)} characters a token",
        visible(name),
    ]
    return paint(" · ".join(parts), DIM, color)


def note(text: str, *, color: bool = False, width: int = 80) -> str:
    """A quiet sentence, such as what a model's configuration adds."""
    return paint(visible(text), DIM, color)


def other_reading(
    name: str,
    other: Encoding,
    specials: bool,
    as_chips: bool,
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """The same text read the other way, where it spells special tokens."""
    if specials:
        head = "Without --specials, what spells a special token is ordinary text:"
    else:
        head = (
            "The text spells special tokens. Above they are ordinary text; with --specials they "
            "are those tokens:"
        )
    show = chips if as_chips else listing
    return f"{head}\n\n{show(name, other, color=color, width=width)}"


def entries(
    found: Sequence[tuple[int, bytes]],
    controls: Mapping[int, str],
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """Tokens of a vocabulary, id = piece."""
    rows = [(id, piece, "control" if id in controls else "") for id, piece in found]
    return "\n".join(_lines(rows, color, width))


def comparison(encodings: Mapping[str, Encoding], *, color: bool = False, width: int = 80) -> str:
    """One text under several vocabularies: the figures of each, then the pieces side by side.

    A row holds the shortest stretch at whose ends every vocabulary has a border.
    """
    figures = densities(
        [density(name, e.text, len(e) - added(e)) for name, e in encodings.items()],
        [added(e) for e in encodings.values()],
        color=color,
        width=width,
    )
    stretches = aligned(list(encodings.values()))
    hidden = 0
    if len(stretches) > _ALIGNED_ROWS:
        differing = [row for row in stretches if len(set(row)) > 1]
        hidden = len(stretches) - len(differing)
        stretches = differing
    column = max((width - 2 * (len(encodings) - 1)) // len(encodings), 12)
    rows: list[list[Cell | str]] = [[Cell(clip(visible(name), column), BOLD) for name in encodings]]
    for stretch in stretches:
        styles = [DIM if len(set(stretch)) == 1 else "" for _ in stretch]
        rows.append(
            [
                Cell(clip("".join(f"[{visible(piece_text(p))}]" for p in pieces), column), style)
                for pieces, style in zip(stretch, styles, strict=True)
            ]
        )
    lines = [figures, "", table(rows, color=color)]
    if hidden:
        lines.append(f"{hidden:,} stretches that all split alike are left out.")
    return "\n".join(lines)


def aligned(encodings: Sequence[Encoding]) -> list[tuple[tuple[bytes, ...], ...]]:
    """The pieces of each encoding of one text, cut where all of them have a border.

    Borders are counted in characters; a token inside a character makes none. What is added in
    front is left out.
    """
    borders = []
    for encoding in encodings:
        crossed = {i for start, end in encoding.offsets for i in range(start + 1, end)}
        borders.append({end for _, end in encoding.offsets} - crossed)
    common = sorted(set.intersection(*borders)) if borders else []
    columns = [_between(encoding, common) for encoding in encodings]
    return list(zip(*columns, strict=True))


def _between(encoding: Encoding, ends: Sequence[int]) -> list[tuple[bytes, ...]]:
    out: list[list[bytes]] = [[] for _ in ends]
    at = 0
    for i in range(added(encoding), len(encoding)):
        while at < len(ends) - 1 and encoding.offsets[i][1] > ends[at]:
            at += 1
        if out:
            out[at].append(encoding.pieces[i])
    return [tuple(pieces) for pieces in out]


def densities(
    rows: Sequence[Density], fronts: Sequence[int], *, color: bool = False, width: int = 80
) -> str:
    """The rule of thumb measured: a row for each vocabulary."""
    header = [
        Cell(word, DIM) for word in ("", "tokens", "added", "characters a token", "words a token")
    ]
    body = [
        [
            visible(row.name),
            f"{row.tokens:,}",
            str(front) if front else "",
            _ratio(row.characters_per_token),
            _ratio(row.words_per_token),
        ]
        for row, front in zip(rows, fronts, strict=True)
    ]
    return table([header, *body], right=" rrrr", color=color)


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def explained(pieces: Sequence[Explained], *, color: bool = False, width: int = 80) -> str:
    """Each piece that the pre-tokenizer cut, and every merge with its rank.

    A piece that comes again is not told again.
    """
    cut = "".join(f"[{visible(piece.text)}]" for piece in pieces)
    lines = [
        f"{len(pieces):,} piece{'' if len(pieces) == 1 else 's'}, never joined again:",
        clip(cut, 20 * width),
        "",
    ]
    told = set()
    for piece in pieces:
        if piece.text in told:
            continue
        told.add(piece.text)
        lines += [*_steps(piece, color, width), ""]
    return "\n".join(lines[:-1])


def _steps(piece: Explained, color: bool, width: int) -> list[str]:
    ids = " ".join(map(str, piece.ids))
    lines = [paint(quoted(piece.text.encode()), BOLD, color) + paint(f"  {ids}", DIM, color)]
    rows: list[list[Cell | str]] = [["", Cell("bytes", DIM), _row(piece.start)]]
    rows += [
        [Cell(f"{step.rank:,}", DIM), quoted(step.made), _row(step.tokens)] for step in piece.steps
    ]
    lines += [
        "  " + line for line in table(rows, right="r", color=color, width=width - 2).split("\n")
    ]
    if piece.whole and (not piece.steps or len(piece.steps[-1].tokens) > 1):
        lines.append("  a token as it stands: it is taken whole, whatever the merges say")
    elif len(piece.ids) > 1 and len(piece.ids) < len(piece.start):
        lines.append(paint("  no two neighbours of these are a known pair", DIM, color))
    return lines


def _row(tokens: Sequence[bytes]) -> str:
    return " ".join(visible(piece_text(token)).replace(" ", "␣") for token in tokens)


def ages(rows: Sequence[Age], *, color: bool = False, width: int = 80) -> str:
    """The three ages in one table: what each needs, how long it makes the text, what it misses."""
    header = [
        Cell(word, DIM) for word in ("", "sequence", "different", "vocabulary it needs", "unknown")
    ]
    body = [
        [
            row.unit,
            f"{row.length:,}",
            f"{row.distinct:,}",
            "no size is enough" if row.needed is None else f"{row.needed:,}",
            f"{row.unknown:,}",
        ]
        for row in rows
    ]
    said = (
        "unknown: characters and words of the second half of the text that its first half lacks; "
        "tokens spell anything, down to bytes"
    )
    return "\n".join(
        [table([header, *body], right=" rrrr", color=color), *_wrapped(said, width, color)]
    )


def _wrapped(text: str, width: int, color: bool) -> list[str]:
    from textwrap import wrap

    return [paint(line, DIM, color) for line in wrap(text, max(width, 40))]


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


def estimated(model: str, found: Estimate, *, color: bool = False, width: int = 80) -> str:
    """A count that was not made on the model's own ids: with its range, and what it rests on."""
    about = f"about {found.tokens:,} tokens, likely {found.low:,} to {found.high:,}"
    note = f"estimated: {visible(model)} has no published tokenizer; {found.basis}"
    return "\n".join([about, *_wrapped(note, width, color)])


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
            _ratio(characters / tokens if tokens else None),
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
    return "\n".join([shown, "", *_wrapped(note, width, color)])


def _file_name(file: Counted) -> str:
    return visible(file.name) + (" (with bytes replaced)" if file.replaced else "")

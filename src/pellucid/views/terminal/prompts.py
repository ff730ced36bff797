"""A prompt and its tokens as terminal text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ...prompt.places import Place
from ...prompt.values import Label, Origin, Prompt, Span, control_places
from ...tokens.encoding import Encoding
from ..figures import origin_place
from ..glyphs import piece_line, runs, shown, visible
from .style import BADGE, DIM, ORIGIN, Cell, cells, clip, fold, paint, table

_CHIPS = ("30;48;5;153", "30;48;5;194", "30;48;5;223", "30;48;5;189", "30;48;5;218")


def prompt(prompt: Prompt, *, color: bool = False, width: int = 80) -> str:
    """The exact prompt and where its parts came from.

    In colour the text stands as it is, coloured by origin, with control tokens as badges. Without,
    a margin names the origin of each line, and `↵` stands where the prompt has a new line.
    Characters that would act on the terminal are spelled out either way.
    """
    text = body(
        prompt.text,
        prompt.spans,
        control_places(prompt.encoding),
        prompt.label,
        color=color,
        width=width,
    )
    return "\n".join([text, "", *legend(prompt, color), *prompt.notes])


def body(
    text: str,
    spans: Sequence[Span],
    controls: Sequence[Place],
    label: Callable[[Origin], Label],
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """The text of a prompt as `prompt` shows it. `controls` are the places of control tokens."""
    segments = list(_segments(text, spans, controls, label))
    return _colored(segments) if color else _with_margin(segments, width)


def _segments(
    text: str, spans: Sequence[Span], places: Sequence[Place], label: Callable[[Origin], Label]
) -> Iterator[tuple[str, Label, bool]]:
    """The prompt's text cut at every border of an origin or a control token, which are marked."""
    controls = iter(places)
    control = next(controls, None)
    for span in spans:
        name, at = label(span.origin), span.start
        while control is not None and control[0] < span.end:
            if at < control[0]:
                yield text[at : control[0]], name, False
            yield text[slice(*control)], name, True
            at, control = control[1], next(controls, None)
        if at < span.end:
            yield text[at : span.end], name, False


def _colored(segments: Sequence[tuple[str, Label, bool]]) -> str:
    out = []
    for text, label, is_control in segments:
        if is_control:
            out.append(paint(visible(text), f"{ORIGIN[label]};{BADGE}", True))
            continue
        for run, spelled in runs(text):
            if run == "\n":
                out.append("\n")
            elif spelled:
                out.append(paint(spelled, f"{ORIGIN[label]};{BADGE}", True))
            else:
                out.append(paint(run, ORIGIN[label], True))
    return "".join(out)


def _with_margin(segments: Sequence[tuple[str, Label, bool]], width: int) -> str:
    rows: list[tuple[Label, str]] = []
    open_row = False  # whether the last row may go on: the same origin, no new line yet
    for text, label, _ in segments:
        for line in re.findall(r"[^\n]*\n|[^\n]+", text):
            shown = visible(line)
            if open_row and rows[-1][0] == label:
                rows[-1] = (label, rows[-1][1] + shown)
            else:
                rows.append((label, shown))
            open_row = not line.endswith("\n")
    margin, before, lines = 10, "", list[str]()
    for label, text in rows:
        for line in fold(text, max(width - margin - 3, 20)):
            lines.append(f"{'' if label == before else label:>{margin}} │ {line}")
            before = label
    return "\n".join(lines)


def legend(prompt: Prompt, color: bool) -> list[str]:
    """How many tokens came from where, in each origin's own style."""
    entries = [
        paint(f"{label} {count:,}", ORIGIN[label], color)
        for label, count in prompt.counts().items()
    ]
    lines = [f"{len(prompt):,} tokens: " + paint(" · ", DIM, color).join(entries)]
    if prompt.replayed:
        lines.append(f"{prompt.replayed:,} of them replayed as the model produced them")
    if not prompt.exact:
        lines.append("The template rewrites text: the origins inside it are approximate.")
    return lines


def tokens(
    encoding: Encoding, prompt: Prompt | None = None, *, color: bool = False, width: int = 80
) -> str:
    """One token a line: its id, its text or bytes with visible blanks, and where it came from."""
    rows: list[list[Cell | str]] = []
    for i, number in enumerate(encoding.ids):
        special = encoding.special[i]
        style = BADGE if special else ""
        text = clip(piece_line(encoding.pieces[i]), width // 2)
        row: list[Cell | str] = [Cell(str(number), DIM), Cell(text, style)]
        if prompt is not None:
            spans = prompt.origins[i]
            label = prompt.label(prompt.spans[spans[0]].origin)
            place = " + ".join(origin_place(prompt, span) for span in spans)
            row.append(Cell(place + (", control" if special else ""), ORIGIN[label]))
        elif special:
            row.append("control")
        rows.append(row)
    return table(rows, right="r", color=color)


def chips(
    encoding: Encoding, prompt: Prompt | None = None, *, color: bool = False, width: int = 80
) -> str:
    """The text as it reads, every token apart: on alternating grounds, or in brackets."""
    lines, line, used = [], "", 0
    for i, text in enumerate(shown(encoding.pieces)):
        chip = visible(text) if color else f"[{visible(text)}]"
        size = cells(chip)
        if used and used + size > width:
            lines.append(line)
            line, used = "", 0
        if prompt is not None:
            label = prompt.label(prompt.spans[prompt.origins[i][0]].origin)
            style = f"{ORIGIN[label]};{BADGE}" if i % 2 else f"{ORIGIN[label]};4"
        else:
            style = _CHIPS[i % len(_CHIPS)]
        line += paint(chip, style, color)
        used += size
        if text.endswith("\n"):
            lines.append(line)
            line, used = "", 0
    return "\n".join([*lines, line] if line else lines)

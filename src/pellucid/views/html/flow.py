"""Tokens as running text: each an element, coloured by origin or by probability."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise

from ...prompt.values import LABELS, Label, Prompt
from ...replies import Reply
from ...tokens.encoding import Encoding
from ...value import value
from ..figures import MEANING, band, endings
from ..glyphs import shown
from .markup import ORIGIN_CLASS, text

_CHUNK = 200
"""Tokens drawn together: a chunk of so many is not laid out while it is off the screen. Chunks are
cut at a line's end, or at twice as many tokens."""

Title = Callable[[int], str]
"""Words for token i, set as its title where no script is there to show them."""


@value
class Row:
    """A stretch of the prompt under one word: a message with the scaffold that opens it."""

    label: Label
    message: int | None
    start: int
    end: int


def prompt_rows(prompt: Prompt) -> list[Row]:
    """The prompt's tokens by message: between two contents a row begins at the last line that a
    control token opens, or else where the first line ends.

    Where the template puts no line end between them, the scaffold opens the next row.
    """
    owners = [_owner(prompt, i) for i in range(len(prompt))]
    contents = [i for i, owner in enumerate(owners) if owner is not None]
    starts = [0, _opened(prompt, 0, contents[0]) or 0] if contents else [0]
    for before, here in pairwise(contents):
        if owners[before] != owners[here]:
            between = range(before + 1, here)
            line_ends = (i for i in between if prompt.encoding.pieces[i].endswith(b"\n"))
            opened = _opened(prompt, before, here)
            starts.append(opened or min(next(line_ends, before) + 1, here))
    rows = []
    for start, end in pairwise([*dict.fromkeys(starts), len(prompt)]):
        owner = next((o for o in owners[start:end] if o is not None), ("scaffold", None))
        rows.append(Row(owner[0], owner[1], start, end))
    return rows


def _opened(prompt: Prompt, before: int, content: int) -> int | None:
    """Where the row of a content starts: after what the template wrote since the content before
    it, which may be a whole message of its own."""
    encoding = prompt.encoding
    for i in range(content - 1, before, -1):
        if encoding.special[i] and encoding.pieces[i - 1].endswith(b"\n"):
            return i
    return None


def _owner(prompt: Prompt, token: int) -> tuple[Label, int | None] | None:
    """The label and message of the first content a token touches; `None`: scaffold alone."""
    for span in prompt.origins[token]:
        origin = prompt.spans[span].origin
        if origin.kind != "scaffold":
            return prompt.label(origin), origin.message
    return None


def prompt_flow(prompt: Prompt, title: Title | None = None) -> str:
    """The prompt, a row for each message; a token is of its origin's class, `x` if it straddles."""
    tokens = _elements(prompt.encoding.pieces, prompt_classes(prompt), title)
    out = []
    for part in prompt_rows(prompt):
        chunks = _chunks(tokens, prompt.encoding.pieces, part.start, part.end)
        out.append(prompt_row(part, chunks))
    return _flow("prompt", out)


def prompt_classes(prompt: Prompt) -> list[str]:
    """The class of each token: its origin, `x` where it straddles two, `k` for a control token."""
    labels = [ORIGIN_CLASS[prompt.label(span.origin)] for span in prompt.spans]
    special = prompt.encoding.special
    return [
        labels[touched[0]] + (" x" if len(touched) > 1 else "") + (" k" if special[i] else "")
        for i, touched in enumerate(prompt.origins)
    ]


def encoding_flow(encoding: Encoding, title: Title | None = None) -> str:
    """Text as tokens on alternating grounds."""
    classes = [f"c{i % 4}" + (" k" if encoding.special[i] else "") for i in range(len(encoding))]
    tokens = _elements(encoding.pieces, classes, title)
    chunks = _chunks(tokens, encoding.pieces, 0, len(tokens))
    return _flow("encoding", chunks)


def reply_flow(reply: Reply, title: Title | None = None) -> str:
    """The reply, every token shaded by its probability; those that end it are badges."""
    first_ending = len(reply.tokens) - endings(reply)
    classes = [
        band(token.logprob) + (" k" if i >= first_ending else "")
        for i, token in enumerate(reply.tokens)
    ]
    pieces = [token.piece for token in reply.tokens]
    tokens = _elements(pieces, classes, title)
    chunks = _chunks(tokens, pieces, 0, len(tokens))
    line = _row(reply.message.role, ORIGIN_CLASS[reply.message.role], f"{len(tokens):,}", chunks)
    return _flow("reply", [line])


def _flow(name: str, parts: Iterable[str]) -> str:
    body = "".join(parts)
    return f'<div class="flow" data-of="{name}" role="group" aria-label="{name}">{body}</div>'


def prompt_row(part: Row, chunks: Iterable[str]) -> str:
    """A row of the prompt: which message, how many tokens, and its tokens as HTML."""
    number = "" if part.message is None else f" {part.message}"
    count = f"{part.end - part.start:,}"
    return _row(f"{part.label}{number}", ORIGIN_CLASS[part.label], count, chunks)


def _row(name: str, kind: str, count: str, chunks: Iterable[str]) -> str:
    return (
        f'<div class=row><div class="who {kind}"><span>{name}</span><small>{count}</small></div>'
        f"<div>{''.join(chunks)}</div></div>"
    )


def _elements(pieces: Sequence[bytes], classes: Sequence[str], title: Title | None) -> list[str]:
    out = []
    for i, content in enumerate(shown(pieces)):
        body = text(content) or "<b>end</b>"  # a token without bytes ends a reply
        words = "" if title is None else f' title="{escape(title(i))}"'
        out.append(f'<i class="{classes[i]}"{words}>{body}</i>')
    return out


def _chunks(tokens: Sequence[str], pieces: Sequence[bytes], start: int, end: int) -> Iterator[str]:
    first = start
    for i in range(start, end):
        size = i + 1 - first
        at_line_end = pieces[i].endswith(b"\n") and size >= _CHUNK
        if at_line_end or size >= 2 * _CHUNK or i + 1 == end:
            far = " class=far" if size >= _CHUNK else ""
            yield f"<p{far} data-i={first}>{''.join(tokens[first : i + 1])}</p>"
            first = i + 1


def legend(prompt: Prompt) -> str:
    """The origins that occur, how many tokens each has and what it means."""
    counts = prompt.counts()
    entries = "".join(
        f'<li title="{escape(MEANING[label])}"><i class="{ORIGIN_CLASS[label]}">{label}</i> '
        f"{counts[label]:,}</li>"
        for label in LABELS
        if label in counts
    )
    badge = (
        '<li title="a token that is a command to the model, not text"><i class="k">control</i></li>'
    )
    return f'<ul class="legend">{entries}{badge if any(prompt.encoding.special) else ""}</ul>'

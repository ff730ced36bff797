"""Ids that the model produced itself, put back in place of their text.

The engine keeps what it computed for the ids it has seen. A reply tokenized anew may come out as
other ids for the same text, and everything from there on would be computed again.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..messages import Message
from ..tokens.encoding import Encoding, Tokenizer
from .notes import messages_named
from .places import parted
from .render import Rendered
from .values import Origin, Prompt, Span


class Replay(NamedTuple):
    """Characters `start` to `end` of the prompt are these tokens."""

    start: int
    end: int
    tokens: Encoding


def tokens_of_ids(tokenizer: Tokenizer, ids: Sequence[int]) -> Encoding:
    """The encoding that a row of ids is, its text decoded from them."""
    pieces = tuple(map(tokenizer.piece, ids))
    controls = frozenset(tokenizer.specials.values())
    return Encoding(
        text=tokenizer.decode(ids),
        ids=tuple(ids),
        pieces=pieces,
        offsets=tuple(_offsets(pieces)),
        special=tuple(id in controls for id in ids),
        vocabulary=tokenizer.fingerprint,
    )


def _offsets(pieces: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """The characters each piece covers; one that ends inside a character covers all of it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    place = 0
    for piece in pieces:
        start = place
        place += len(decoder.decode(piece))
        inside = bool(decoder.getstate()[0])
        yield start, place + inside


def gone_on(prompt: Prompt, tokenizer: Tokenizer, ids: Sequence[int]) -> Prompt:
    """`prompt` with the beginning of its reply behind it: `ids`, the last of them chosen, those
    before it as the model had produced them. A beginning that stands there already gives way."""
    before, tokens = prompt.encoding, tokens_of_ids(tokenizer, ids)
    opening = [span for span in prompt.spans if span.origin.kind != "produced"]
    count = len(prompt) - produced(prompt)
    shift, first = opening[-1].end, len(opening)
    border = shift + tokens.offsets[-1][0]
    end = shift + len(tokens.text)
    kept = [Span(shift, border, Origin("produced", part=0))] if shift < border else []
    spans = (*opening, *kept, Span(border, end, Origin("produced", part=1)))
    return replace(
        prompt,
        encoding=Encoding(
            before.text[:shift] + tokens.text,
            before.ids[:count] + tokens.ids,
            before.pieces[:count] + tokens.pieces,
            (*before.offsets[:count], *((a + shift, b + shift) for a, b in tokens.offsets)),
            before.special[:count] + tokens.special,
            before.vocabulary,
        ),
        spans=spans,
        origins=(*prompt.origins[:count], *((first,),) * (len(ids) - 1), (len(spans) - 1,)),
        replayed=prompt.replayed - max(produced(prompt) - 1, 0) + len(ids) - 1,
    )


def produced(prompt: Prompt) -> int:
    """How many tokens at the end of a prompt are the beginning of its reply."""
    kinds = [span.origin.kind for span in prompt.spans]
    return sum(kinds[touched[0]] == "produced" for touched in prompt.origins)


def find_replays(
    messages: Sequence[Message],
    rendered: Rendered,
    tokenizer: Tokenizer,
    tokens_of: Callable[[tuple[int, ...]], Encoding],
) -> tuple[list[Replay], list[str]]:
    """The replays that the rendered text allows, in order, and sentences about the others."""
    replays: list[Replay] = []
    foreign: list[int] = []
    changed: list[int] = []
    extents = _extents(rendered)
    for m, message in enumerate(messages):
        if message.produced is None or not message.produced.ids:
            continue
        if message.produced.vocabulary != tokenizer.fingerprint:
            foreign.append(m)
            continue
        tokens = tokens_of(message.produced.ids)
        floor = replays[-1].end if replays else 0
        start = _place(rendered, extents.get(m), tokens.text, floor)
        if start is None:
            changed.append(m)
        else:
            replays.append(Replay(start, start + len(tokens.text), tokens))
    return replays, [*_about(foreign, messages, FOREIGN), *_about(changed, messages, CHANGED)]


FOREIGN = "another vocabulary produced it"
CHANGED = "the template writes it otherwise than the model did"


def _about(numbers: Sequence[int], messages: Sequence[Message], why: str) -> list[str]:
    if not numbers:
        return []
    named = messages_named(numbers, messages)
    return [f"The cached prefix breaks at {named}: {why}, so its text is tokenized anew."]


def _extents(rendered: Rendered) -> dict[int, tuple[int, int]]:
    """The first and the last character of each message in the prompt."""
    extents: dict[int, tuple[int, int]] = {}
    for start, end, origin in rendered.extents:
        m = origin.message
        if m is not None:
            extents[m] = (extents[m][0] if m in extents else start, end)
    return extents


def _place(rendered: Rendered, extent: tuple[int, int] | None, text: str, floor: int) -> int | None:
    """Where `text`, the whole of a message, stands in the prompt: from the message's first
    character, or from the end of the generation prompt before it (a tool call begins with words
    of the template), not before `floor`."""
    if extent is None:
        return None
    first, last = extent
    starts = [first]
    opening = rendered.generation
    found = rendered.text.rfind(opening, floor, first) if opening else -1
    if found >= 0:
        starts.append(found + len(opening))
    for start in starts:
        end = start + len(text)
        if (
            last <= end
            and rendered.text.startswith(text, start)
            and None not in (parted(rendered.controls, start), parted(rendered.controls, end))
        ):
            return start
    return None

"""A text cut into the parts that are summarised one by one, and what each part may take."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .. import facts

_LEAST = 25
"""Characters: a line that is shorter is read with the one after it."""


def blocks(text: str) -> list[str]:
    """The paragraphs of a Markdown text without its code; a heading or a short line goes with what
    follows it."""
    text = re.sub(r"^```.*?(?:^```[^\n]*$|\Z)", "", text, flags=re.M | re.S)
    out: list[str] = []
    waiting = ""
    for line in re.split(r"\n+", text):
        line = line.strip()
        if not line:
            continue
        waiting = f"{waiting}\n{line}".strip()
        if not line.startswith("#") and len(line) >= _LEAST:
            out.append(waiting)
            waiting = ""
    if waiting:
        out.append(waiting)
    return out


def grouped(texts: Sequence[str], count: int) -> list[str]:
    """`texts` joined, in their order, to `count` groups (or as many as there are) of about the
    same length."""
    count = max(1, min(count, len(texts)))
    total = sum(map(len, texts))
    groups: list[list[str]] = [[] for _ in range(count)]
    done = 0
    for n, text in enumerate(texts):
        middle = done + len(text) / 2
        wanted = int(middle * count / total) if total else 0
        done += len(text)
        # No group stays empty: a text goes on no further than to the group after the last one
        # begun, and not so slowly that those left over would outnumber the texts.
        begun = sum(map(bool, groups))
        groups[min(max(wanted, count - (len(texts) - n), 0), begun, count - 1)].append(text)
    return ["\n".join(group) for group in groups if group]


def bounded(texts: Sequence[str], most: int, count: Callable[[str], int]) -> list[str]:
    """`texts` with each that has more than `most` tokens cut between its sentences."""
    out: list[str] = []
    for text in texts:
        if count(text) <= most:
            out.append(text)
            continue
        held: list[str] = []
        room = most
        for sentence in facts.sentences(text):
            size = count(sentence)
            if size > most:  # no sentence at all: a table, or a script without full stops
                sentence = sentence[: max(1, len(sentence) * most // size)]
                size = most
            if size > room and held:
                out.append(" ".join(held))
                held, room = [], most
            held.append(sentence)
            room -= size
        if held:
            out.append(" ".join(held))
    return out


def cut(
    texts: Sequence[str], room: int, count: Callable[[str], int]
) -> tuple[list[str], list[str]]:
    """The first of `texts` that have no more than `room` tokens, and the others."""
    for n, text in enumerate(texts):
        room -= count(text)
        if room < 0:
            return list(texts[:n]), list(texts[n:])
    return list(texts), []


def share(words: int, parts: Sequence[str]) -> int:
    """How many of the words that are left the first of these parts gets: by what there is to tell
    in each, half of it evenly."""
    weights = [sum(map(facts.weight, facts.sentences(part))) for part in parts]
    even = 1 / len(parts)
    return round(words * (even + weights[0] / sum(weights)) / 2) if sum(weights) else words

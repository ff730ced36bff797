"""How long a model is to think, in the words that OpenAI's two APIs share."""

from __future__ import annotations

from ..errors import BadRequest
from ..messages import Effort
from .narrowing import Notes, note

EFFORTS: dict[str, Effort] = {
    "none": "none",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def read_effort(word: str | None, where: str, notes: Notes) -> Effort | None:
    """The effort that the field at `where` asks for; a word of theirs that is none of ours is
    told of in `notes`. Raises `BadRequest`."""
    if word is None:
        return None
    if word not in EFFORTS:
        raise BadRequest(f"{where} is {word!r}; it can be {', '.join(EFFORTS)}.", where)
    if EFFORTS[word] != word:
        note(notes, f"{where} {word} was read as {EFFORTS[word]}.")
    return EFFORTS[word]

"""What several dialects leave out or refuse in the same way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ..errors import CannotExpress
from ..messages import Options, Request, Signature, Text, quoted
from .base import Extra

Notes = dict[str, str]
"""Sentences about what was left out, each once, in order; with each the top-level field of the
request that holds it, or "" where there is none to send on as it is."""

UNHEARD = {
    "seed": "has no seed: the same request may be answered differently",
    "alternatives": "reports no probabilities of tokens",
    "thinking_tokens": "has no bound in tokens for thinking; effort is what it takes",
}
"""Options that an API may lack without harm, and what a reader of the receipt is told."""


def note(notes: Notes, sentence: str, place: str = "") -> None:
    """`place` is where a field stands that a host of the same dialect may know."""
    notes[sentence] = _top(place)


def _top(place: str) -> str:
    return place.partition(".")[0].partition("[")[0]


def note_unread(
    body: Mapping[str, Any], read: Collection[str], notes: Notes, where: str = ""
) -> None:
    """A note for each field of the object at `where` that is set and is not one of `read`."""
    for name, value in body.items():
        if name not in read and value not in (None, {}, []):
            place = f"{where}.{name}" if where else name
            # A field's own name may be any string, with dots and brackets in it.
            notes[f"{place} means nothing here and was left out."] = _top(where) or name


def unread(body: Mapping[str, Any], notes: Notes, dialect: str) -> Extra | None:
    """The fields of a request that hold what its notes call left out, as they were written."""
    names = dict.fromkeys(filter(None, notes.values()))
    if not names:
        return None
    sentences = tuple(sentence for sentence, name in notes.items() if name)
    return Extra(dialect, {name: body[name] for name in names}, sentences)


def leave_out(options: Options, names: tuple[str, ...], api: str, notes: Notes) -> Options:
    """`options` without those called `names`, with a note for each that was set."""
    unset: dict[str, Any] = {}
    for name in names:
        if getattr(options, name) is not None:
            why = UNHEARD.get(name, "has no such option")
            note(notes, f"{name} was not sent: {api} {why}.")
            unset[name] = None
    return replace(options, **unset) if unset else options


def refuse(options: Options, names: Mapping[str, str], api: str) -> Options:
    """`options` without those called `names`, none of which may be set to more than nothing.

    `names` says for each what to do instead. Raises `CannotExpress`: leaving one out would change
    the answer.
    """
    unset: dict[str, Any] = {}
    for name, instead in names.items():
        value = getattr(options, name)
        if value:
            raise CannotExpress(name, api, instead)
        if value is not None and value != ():
            unset[name] = None
    return replace(options, **unset) if unset else options


def own(signature: Signature | None, owner: str, api: str, notes: Notes) -> Signature | None:
    """A signature for the API it came from; one of another provider stays here, with a note."""
    if signature is None or signature.owner == owner:
        return signature
    note(notes, f"What {signature.owner} signed was sent to {api} without its signature.")
    return None


def words(part: Text) -> str:
    """The words of a part. No API has a place for where a passage comes from, so it is quoted,
    apart from its neighbours."""
    return part.text if part.source is None else f"\n\n{quoted(part)}\n\n"


def check_choice(request: Request, api: str) -> None:
    """Raises `CannotExpress` for a tool that must be called where there is none."""
    if not request.tools and request.tool_choice not in ("auto", "none"):
        raise CannotExpress(
            f"tool_choice {request.tool_choice!r} without tools", api, "Give the request tools."
        )

"""What several dialects leave out or refuse in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import CannotExpress
from ..messages import Options, Signature

Notes = dict[str, None]
"""Sentences about what was left out, each once, in order."""

UNHEARD = {
    "seed": "has no seed: the same request may be answered differently",
    "alternatives": "reports no probabilities of tokens",
    "thinking_tokens": "has no bound in tokens for thinking; effort is what it takes",
}
"""Options that an API may lack without harm, and what a reader of the receipt is told."""


def note(notes: Notes, sentence: str) -> None:
    notes[sentence] = None


def leave_out(options: Options, names: tuple[str, ...], api: str, notes: Notes) -> Options:
    """`options` without those called `names`, with a note for each that was set."""
    for name in names:
        if getattr(options, name) is not None:
            why = UNHEARD.get(name, "has no such option")
            note(notes, f"{name} was not sent: {api} {why}.")
    return replace(options, **dict.fromkeys(names))


def refuse(options: Options, names: Mapping[str, str], api: str) -> Options:
    """`options` without those called `names`, none of which may be set to more than nothing.

    `names` says for each what to do instead. Raises `CannotExpress`: leaving one out would change
    the answer.
    """
    for name, instead in names.items():
        if getattr(options, name):
            raise CannotExpress(name, api, instead)
    return replace(options, **{name: () if name == "stop" else None for name in names})


def own(signature: Signature | None, owner: str, api: str, notes: Notes) -> Signature | None:
    """A signature for the API it came from; one of another provider stays here, with a note."""
    if signature is None or signature.owner == owner:
        return signature
    note(notes, f"What {signature.owner} signed was sent to {api} without its signature.")
    return None

"""The exact prompt: text, tokens, and where every character came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ..messages import Role
from ..tokens.encoding import Encoding
from ..value import value

OriginKind = Literal["scaffold", "message", "tool", "passage", "generation", "produced"]
"""Scaffold is what the template wrote; generation is the opening of the assistant's turn; produced
is the beginning of a reply that the model is to go on with."""

Label = Literal["scaffold", "system", "tools", "user", "assistant", "tool", "passage", "generation"]
"""An origin in one word, as it is shown: `tools` are tool schemas, `tool` is a tool's answer."""

LABELS: tuple[Label, ...] = get_args(Label)


@value
class Origin:
    """Where a stretch of the prompt came from.

    `message` and `part` count from 0 in the request; `tool` counts the tools. A passage also
    names its message and part. Of what is produced, part 0 are the tokens kept from an earlier
    reply and part 1 is the token chosen in place of the next.
    """

    kind: OriginKind
    message: int | None = None
    part: int | None = None
    tool: int | None = None


@value
class Span:
    """Characters `start` to `end` (half open) of the prompt's text have this origin."""

    start: int
    end: int
    origin: Origin


def label(origin: Origin, roles: Sequence[Role]) -> Label:
    """The word for an origin; a message is called by its role. `roles[m]` is that of message m."""
    match origin.kind:
        case "message":
            assert origin.message is not None
            return roles[origin.message]
        case "tool":
            return "tools"
        case "produced":
            return "assistant"
        case kind:
            return kind


def control_places(encoding: Encoding) -> tuple[tuple[int, int], ...]:
    """Where the control tokens of an encoded text stand in it."""
    places = zip(encoding.offsets, encoding.special, strict=True)
    return tuple(place for place, special in places if special)


@value
class Prompt:
    """What a model is given.

    `spans` cover the text without gaps, in order. `origins[i]` lists the spans (by their index)
    that token i touches: one, or two and more where a token straddles a border. `roles[m]` is the
    role of message m, `replayed` the number of tokens that are ids the model itself produced.
    `exact` is false where the template rewrites text, so that the origins inside it are inferred.
    `notes` are sentences about what a reader ought to know: a doubled BOS, a dropped system
    message.
    """

    encoding: Encoding
    spans: tuple[Span, ...]
    origins: tuple[tuple[int, ...], ...]
    roles: tuple[Role, ...]
    exact: bool
    notes: tuple[str, ...] = ()
    replayed: int = 0

    @property
    def text(self) -> str:
        return self.encoding.text

    @property
    def ids(self) -> tuple[int, ...]:
        return self.encoding.ids

    def label(self, origin: Origin) -> Label:
        """The word for an origin of this prompt; a message is called by its role."""
        return label(origin, self.roles)

    def counts(self) -> dict[Label, int]:
        """Tokens by label, those that occur, in the order of `LABELS`.

        A token that straddles a border is counted where it begins, so the counts add up.
        """
        labels = [self.label(span.origin) for span in self.spans]
        found = dict.fromkeys(LABELS, 0)
        for touched in self.origins:
            found[labels[touched[0]]] += 1
        return {label: count for label, count in found.items() if count}

    def __len__(self) -> int:
        return len(self.encoding.ids)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {label}" for label, count in self.counts().items())
        origins = "" if self.exact else "; origins approximate"
        return f"Prompt({len(self)} tokens: {counts}{origins})"

"""A conversation as one chat template writes it: text, origins, control tokens; ids where there is
a tokenizer for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..messages import Request, Role
from ..tokens.encoding import Encoding, Tokenizer
from .build import PromptBuilder
from .families import ChatFormat
from .places import Place
from .render import Renderer
from .values import Label, Origin, Span, label


@dataclass(frozen=True, slots=True)
class Rendition:
    """What the template called `name` makes of a request.

    `spans` cover the text without gaps, `controls` are the places of the control tokens that the
    template wrote. `encoding` is `None` without a tokenizer. `origins[i]` lists the spans that
    token i touches. `exact` is false where the origins inside texts are inferred.
    """

    name: str
    text: str
    spans: tuple[Span, ...]
    controls: tuple[Place, ...]
    roles: tuple[Role, ...]
    exact: bool
    notes: tuple[str, ...]
    encoding: Encoding | None = None
    origins: tuple[tuple[int, ...], ...] = ()

    def label(self, origin: Origin) -> Label:
        """The word for an origin; a message is called by its role."""
        return label(origin, self.roles)


def render(
    format: ChatFormat,
    request: Request,
    *,
    now: datetime,
    tokenizer: Tokenizer | None = None,
) -> Rendition:
    """The text of `request` in `format` at the moment `now`, and its ids where there is a
    `tokenizer`.

    With a tokenizer this is the prompt as it is sent: with the one BOS that belongs in front.
    Raises `TemplateError` where the template fails or refuses the conversation, `UsageError` for
    media.
    """
    roles = tuple(message.role for message in request.messages)
    if tokenizer is not None:
        prompt = PromptBuilder(
            format.text, tokenizer, format.bos, format.eos, format.adds_bos, lambda: now
        ).build(request)
        encoding = prompt.encoding
        controls = tuple(
            place
            for place, special in zip(encoding.offsets, encoding.special, strict=True)
            if special
        )
        return Rendition(
            format.name,
            prompt.text,
            prompt.spans,
            controls,
            roles,
            prompt.exact,
            prompt.notes,
            encoding,
            prompt.origins,
        )
    rendered = Renderer(format.text, format.controls, format.bos, format.eos).render(request, now)
    notes = rendered.notes
    if format.adds_bos and not rendered.text.startswith(format.bos):
        notes = (*notes, f"The tokenizer's configuration puts {format.bos} in front of this.")
    return Rendition(
        format.name,
        rendered.text,
        tuple(Span(*extent) for extent in rendered.extents),
        rendered.controls,
        roles,
        rendered.exact,
        notes,
    )

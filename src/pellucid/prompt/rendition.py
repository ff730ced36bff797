"""A conversation as one chat template writes it: text, origins, control tokens; ids where there is
a tokenizer for it."""

from __future__ import annotations

from datetime import datetime

from ..messages import Request, Role
from ..tokens.encoding import Tokenizer
from ..value import value
from .build import PromptBuilder
from .families import ChatFormat
from .places import Place
from .render import Renderer
from .values import Label, Origin, Prompt, Span, control_places, label


@value
class Rendition:
    """What the template called `name` makes of a request.

    `spans` cover the text without gaps, `controls` are the places of the control tokens that the
    template wrote. `exact` is false where the origins inside texts are inferred. `prompt` is the
    whole prompt, ids included; `None` without a tokenizer.
    """

    name: str
    text: str
    spans: tuple[Span, ...]
    controls: tuple[Place, ...]
    roles: tuple[Role, ...]
    exact: bool
    notes: tuple[str, ...]
    prompt: Prompt | None = None

    def label(self, origin: Origin) -> Label:
        """The word for an origin; a message is called by its role."""
        return label(origin, self.roles)


def render(
    format: ChatFormat, request: Request, *, now: datetime, tokenizer: Tokenizer | None = None
) -> Rendition:
    """The text of `request` in `format` at the moment `now`, and its ids where there is a
    `tokenizer`.

    With a tokenizer this is the prompt as it is sent: with the one BOS that belongs in front.
    Raises `TemplateError` where the template fails or refuses the conversation, `UsageError` for
    media.
    """
    if tokenizer is not None:
        prompt = PromptBuilder(
            format.text, tokenizer, format.bos, format.eos, format.adds_bos, lambda: now
        ).build(request)
        return Rendition(
            name=format.name,
            text=prompt.text,
            spans=prompt.spans,
            controls=control_places(prompt.encoding),
            roles=prompt.roles,
            exact=prompt.exact,
            notes=prompt.notes,
            prompt=prompt,
        )
    renderer = Renderer(format.text, format.controls, format.bos, format.eos)
    rendered = renderer.render(request, now)
    notes = rendered.notes
    if format.adds_bos and not rendered.text.startswith(format.bos):
        notes = (*notes, f"The tokenizer's configuration puts {format.bos} in front of this.")
    return Rendition(
        name=format.name,
        text=rendered.text,
        spans=tuple(Span(*extent) for extent in rendered.extents),
        controls=rendered.controls,
        roles=tuple(message.role for message in request.messages),
        exact=rendered.exact,
        notes=notes,
    )

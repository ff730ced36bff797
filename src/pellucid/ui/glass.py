"""The right side: the selected turn, one panel at a time."""

from __future__ import annotations

from html import escape

from ..views.glass import PANELS, Glass
from .session import Session

EMPTY = (
    '<p class="hint">A model sees no chat. It sees one long text: a <b>chat template</b> writes '
    "all messages into it, with marks for who says what, and it is cut into tokens. Here you will "
    "see that text for each turn, token by token, what the model nearly said instead, and what it "
    "cost.</p>"
)


def html(session: Session) -> str:
    """The tabs of the panels, and the open one; no other is made."""
    open_ = next((panel for panel in PANELS if panel.key == session.panel), PANELS[0])
    tabs = "".join(
        f'<button role="tab" id="panel-{panel.key}" data-pellucid="panel" '
        f'data-value=\'"{panel.key}"\' aria-selected="{str(panel is open_).lower()}" '
        f'tabindex="{0 if panel is open_ else -1}" aria-controls="panel">'
        f"{escape(panel.title)}</button>"
        for panel in PANELS
    )
    steps = session.steps()
    place = next((i for i, s in enumerate(steps) if s.receipt.id == session.selected), None)
    if place is None and steps:
        place = len(steps) - 1
    if place is None:
        body, title = EMPTY, "The glass"
    else:
        earlier = tuple(step.receipt for step in steps[:place])
        body, title = open_.html(Glass(steps[place].receipt, earlier)), f"Turn {place + 1}"
    return (
        f'<div class="glass-head"><h2>{title}</h2>'
        f'<div role="tablist" aria-label="What is shown of the turn">{tabs}</div></div>'
        f'<div id="panel" role="tabpanel" tabindex="0" aria-labelledby="panel-{open_.key}">'
        # A name of its own: where it differs, Gradio puts the whole in the place of what was there,
        # and does not compare thousands of elements with those of another panel.
        f"<glass-{open_.key}>{body}</glass-{open_.key}></div>"
    )

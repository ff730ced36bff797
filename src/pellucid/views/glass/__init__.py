"""The glass: what a receipt shows of a turn, panel by panel, each a fragment of HTML.

The page, the HTML export and the notebook show the same, since all of it is made here.
"""

from __future__ import annotations

from collections.abc import Callable

from . import cost, messages, prompt, reply, tokens, tools, wire
from .panel import Glass as Glass
from .panel import Panel as Panel
from .panel import framed, lead
from .panel import own_style as own_style
from .panel import script as script
from .panel import style as style


def _of_conversations(html: Callable[[Glass], str]) -> Callable[[Glass], str]:
    """The panel where there is something to show in it."""

    def shown(glass: Glass) -> str:
        if glass.receipt.kind == "conversation":
            return html(glass)
        return framed(lead(f"A call for {glass.receipt.kind} has none."))

    return shown


PANELS = (
    Panel("messages", "Messages", messages.html),
    Panel("prompt", "Prompt", _of_conversations(prompt.html)),
    Panel("tokens", "Tokens", _of_conversations(tokens.html)),
    Panel("reply", "Reply", reply.html),
    Panel("wire", "Wire", wire.html),
    Panel("cost", "Cost and time", cost.html),
    Panel("tools", "Tools", _of_conversations(tools.html)),
)
"""The panels in their order: the one place where one is added."""

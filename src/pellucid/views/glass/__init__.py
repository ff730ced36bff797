"""The glass: what a receipt shows of a turn, panel by panel, each a fragment of HTML.

The page, the HTML export and the notebook show the same, since all of it is made here.
"""

from __future__ import annotations

from . import cost, messages, prompt, reply, tokens, tools, wire
from .panel import Glass as Glass
from .panel import Panel as Panel
from .panel import own_style as own_style
from .panel import script as script
from .panel import style as style

PANELS = (
    Panel("messages", "Messages", messages.html),
    Panel("prompt", "Prompt", prompt.html),
    Panel("tokens", "Tokens", tokens.html),
    Panel("reply", "Reply", reply.html),
    Panel("wire", "Wire", wire.html),
    Panel("cost", "Cost and time", cost.html),
    Panel("tools", "Tools", tools.html),
)
"""The panels in their order: the one place where one is added."""

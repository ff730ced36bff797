"""The tabs beside the conversation, in their order: a title, and what builds it."""

from __future__ import annotations

from collections.abc import Callable

from ..desk import Desk
from . import assistants, compare, duel, models, receipts, templates, tokens, tour, web

TABS: tuple[tuple[str, Callable[[Desk], None]], ...] = (
    ("Tokens", tokens.build),
    ("Templates", templates.build),
    ("Compare", compare.build),
    ("Duel", duel.build),
    ("Web", web.build),
    ("Assistants", assistants.build),
    ("Receipts", receipts.build),
    ("Models", models.build),
    ("Tour", tour.build),
)

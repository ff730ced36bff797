"""What is known of a hosted model: what it can do, its window, where its knowledge ends.

From `facts.toml`; the window also from the list of prices. What is not known is `None`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ..value import value
from .hosts import Target

ABILITIES = ("tools", "images", "thinking")
_DATE = re.compile(r"(-latest|-\d{4}-\d\d-\d\d|[-@]\d{8}|-\d{4}|-\d{3})$")


@value
class Facts:
    """`window` is in tokens, `cutoff` a month; `source` says who says so."""

    tools: bool | None = None
    images: bool | None = None
    thinking: bool | None = None
    window: int | None = None
    cutoff: str | None = None
    source: str = ""
    traits: frozenset[str] = frozenset()


def facts(target: Target) -> Facts:
    """What is known of the model that a name means."""
    row = of_name(target.model)
    if target.window or row.window:
        return replace(row, window=target.window or row.window)
    from .windows import find_window

    found = find_window(price_name(target)) or find_window(target.model)
    return replace(row, window=found.tokens) if found else row


def price_name(target: Target) -> str:
    """The model as the list of prices knows it: with its seller in front, where it has one."""
    return f"{target.host.prices}/{target.model}" if target.host.prices else target.model


@lru_cache(maxsize=1024)  # for every call
def of_name(model: str) -> Facts:
    """What `facts.toml` says of a model, by its name with or without its maker and date."""
    name = model.lower().rpartition("/")[2]
    known, families = _table()
    if (found := known.get(name) or known.get(_DATE.sub("", name))) is not None:
        return found
    fitting = [start for start in families if name.startswith(start)]
    return families[max(fitting, key=len)] if fitting else Facts()


@cache
def _table() -> tuple[dict[str, Facts], dict[str, Facts]]:
    """Facts by the whole name, and by its beginning."""
    import tomllib

    table = tomllib.loads(Path(__file__).with_name("facts.toml").read_text("utf-8"))
    known: dict[str, Facts] = {}
    families: dict[str, Facts] = {}
    for maker in table.values():
        for row in maker["rows"]:
            facts = _facts(row, maker["source"])
            for name in row["models"]:
                (families if name.endswith("*") else known)[name.rstrip("*")] = facts
    return known, families


def _facts(row: dict[str, Any], source: str) -> Facts:
    can = row.get("can")
    known = {} if can is None else {ability: ability in can for ability in ABILITIES}
    return Facts(
        **known,
        window=row.get("window"),
        cutoff=row.get("cutoff"),
        source=source,
        traits=frozenset(row.get("traits", ())),
    )

"""The vocabularies that have a name, and what each needs before it can be used."""

from __future__ import annotations

from ..engine import weights
from ..settings import Folders, Settings
from ..tokens import names
from ..tokens.names import Row
from ..value import value
from .tokenizers import built


@value
class Listed:
    """One line of `pellucid tokens vocab`.

    `ready` says whether it can be used at once, `state` says it for people. `bytes` is the size
    of its file; `None`: not known. `models` are names that lead to it; in these * stands for
    anything and # for a number.
    """

    name: str
    ready: bool
    state: str
    bytes: int | None
    models: tuple[str, ...]


def listing(settings: Settings, folders: Folders) -> list[Listed]:
    """Every vocabulary of the table, in its order. No network."""
    return [_listed(row, settings, folders) for row in names.rows()]


def _listed(row: Row, settings: Settings, folders: Folders) -> Listed:
    weight = weights.known(row.file) if row.file else None
    ready = built(row, folders).is_file()
    if weight:
        ready = ready or weights.find(weight, settings, folders) is not None
        size = f"{weight.bytes / 1e6:,.1f} MB"
        state = f"ready, {size}" if ready else f"needs fetching, {size}"
    elif ready:
        state = "ready"
    else:
        state = f"at the Hub: {row.hub}" if row.hub else f"needs {row.needs}"
    return Listed(row.name, ready, state, weight.bytes if weight else None, row.models)

"""What all tabs of the page share: the settings, the store of receipts, how models are opened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from ..models import catalog
from ..models.base import Model
from ..record.receipt import Receipt
from ..record.store import Store
from ..settings import Folders, Settings

KEPT = 64
"""Conversations that are remembered where no receipts are kept."""


class Desk:
    """One for each server. `model` is the name that conversations begin with; `given` are models
    that a program brought, by name. `store` is `None` where no receipts are kept."""

    def __init__(
        self,
        settings: Settings,
        *,
        model: str | None = None,
        given: Mapping[str, Model] | None = None,
        store: Path | None = None,
    ) -> None:
        self.settings = settings
        self.folders = Folders.of()
        self.given = dict(given or {})
        self.model = self._named(model or settings.model)
        self.store = Store(store or self.folders.store) if settings.log else None
        self._kept: dict[str, list[Receipt]] = {}
        self._lock = threading.Lock()

    def open(
        self,
        name: str,
        *,
        say: Callable[[str], None] = lambda _: None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Model:
        """The model called `name`, fetched if it is not here; it may take long, so ask in a thread.

        `say` is told what it waits for, `progress` how many bytes of how many have come. Raises
        what `pellucid.model` raises.
        """
        from ..models.names import open_model

        return self.given.get(name) or open_model(name, self.settings, say=say, progress=progress)

    def _named(self, name: str) -> str:
        """An alias of the catalog as the name it stands for, so that no list has a model twice."""
        if name in self.given or name in self.settings.models:
            return name
        return next((row.name for row in catalog.MODELS if name.lower() in row.aliases), name)

    def conversation(self, id: str) -> tuple[Receipt, ...]:
        """The receipts of a conversation, oldest first."""
        if self.store is not None:
            return self.store.conversation(id)
        return tuple(self._kept.get(id, ()))

    def keep(self, receipt: Receipt) -> None:
        """Where there is no store, a reload still finds the newest conversations."""
        if self.store is None:
            with self._lock:  # each turn keeps its own in a thread of its own
                self._kept.setdefault(receipt.conversation, []).append(receipt)
                if len(self._kept) > KEPT:
                    del self._kept[next(iter(self._kept))]

    def close(self) -> None:
        if self.store is not None:
            self.store.close()

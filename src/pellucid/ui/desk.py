"""What all tabs of the page share: the settings, the store of receipts, how models are opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..models.base import Model
from ..record.store import Store
from ..settings import Folders, Settings


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
        self.model = model or settings.model
        self.store = Store(store or self.folders.store) if settings.log else None

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

    def close(self) -> None:
        if self.store is not None:
            self.store.close()

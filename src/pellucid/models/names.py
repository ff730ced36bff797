"""A model's name -> the model, its file fetched if need be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelUnavailable
from ..settings import Folders, Settings, load
from . import catalog

if TYPE_CHECKING:
    from .base import Model
    from .hosts import Target


def open_model(
    name: str | None = None,
    settings: Settings | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] | None = None,
) -> Model:
    """The model called `name` (default: the setting). Its file is fetched if it is not here.

    Raises `UnknownModel`, `ModelUnavailable`, `BadModelFile`; for a model at a host `UsageError`
    and `SettingsError`. A host is not called before it is asked something.
    """
    settings = settings or load()
    name = _followed(name, settings)
    if (target := hosted(name, settings)) is not None:
        from .hosted import HostedModel

        return HostedModel(target, settings)
    from .card import open_card
    from .local import LocalModel

    folders = Folders.of()
    path = locate(name, settings, progress=progress)
    return LocalModel(open_card(path, catalog.title(name), folders), settings, folders, say)


def check(name: str | None, settings: Settings) -> None:
    """Raises as `open_model` does for a name that nobody knows. Nothing is fetched or opened."""
    name = _followed(name, settings)
    if hosted(name, settings) is None:
        catalog.resolve(name)


def _followed(name: str | None, settings: Settings) -> str:
    name = name or settings.model
    if settings.models:
        from .hosts import follow

        name = follow(name, settings.models)
    return name


def hosted(name: str, settings: Settings) -> Target | None:
    """What a name means at a host; `None` for a model file's, for which no table is read."""
    if name not in settings.models and catalog.is_file(name):
        return None
    from .hosts import find

    return find(name, settings.models)


def locate(
    name: str, settings: Settings, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """The file of the model called `name`, fetched if it is not here."""
    from ..engine import weights

    folders = Folders.of()
    found = catalog.resolve(name)
    if isinstance(found, Path):
        return found
    if isinstance(found, catalog.ModelRow):
        return weights.obtain((found.file,), settings, progress)[0]
    if "hub" not in settings.sources:
        if path := weights.find_hub(found, folders.weights):
            return path
        raise ModelUnavailable(name, ("Hugging Face hub: left out by the setting `sources`",))
    return weights.fetch_hub(
        str(found), folders.weights, offline=settings.offline, progress=progress
    )

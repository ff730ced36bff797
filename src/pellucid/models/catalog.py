"""Names people type for models -> what they mean, and the list of what can be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadModelFile, UnknownModel
from ..settings import Folders, Settings, expanded
from ..value import value

if TYPE_CHECKING:
    from ..engine.caches import Cached
    from ..engine.hub import HubFile
    from ..engine.weights import Weight


@value
class ModelRow:
    """A model that has a name of its own here. `file` is that of its weights; `window` is what
    it was trained for, in tokens; `can` is what it does besides answering text."""

    name: str
    aliases: tuple[str, ...]
    file: str
    window: int
    good_at: str
    can: tuple[str, ...] = ()

    @property
    def weight(self) -> Weight:
        from ..engine import weights

        return weights.known(self.file)


MODELS = (
    ModelRow(
        name="qwen2.5-coder-0.5b",
        aliases=("local", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder"),
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        window=32_768,
        good_at="short answers, code, JSON; recalls what was said",
        can=("tools",),
    ),
    ModelRow(
        name="qwen2.5-coder-1.5b",
        aliases=("large", "qwen2.5-coder-1.5b-instruct"),
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        window=32_768,
        good_at="the same, and translation; less than half as fast",
        can=("tools",),
    ),
    ModelRow(
        name="smollm2-135m",
        aliases=("small", "smollm2-135m-instruct", "smollm2"),
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        window=8_192,
        good_at="trying things quickly; it is not clever",
    ),
)


@value
class Listed:
    """One line of `pellucid models`.

    `ready` says whether it can be used at once, `state` says it for people. `bytes` is the size
    of the file, `window` the context window in tokens; `None`: not known. `path` is where the
    file is.
    """

    name: str
    aliases: tuple[str, ...]
    ready: bool
    state: str
    bytes: int
    window: int | None
    licence: str | None
    good_at: str
    can: tuple[str, ...]
    path: str | None


def names() -> tuple[str, ...]:
    """Every name and alias of the catalog."""
    return tuple(name for row in MODELS for name in (row.name, *row.aliases))


def is_file(name: str) -> bool:
    """Whether a name is the catalog's, the Hub's, or that of a file which is here."""
    known = (*names(), *(row.file.lower() for row in MODELS))
    return name.lower() in known or name.startswith("hf:") or expanded(name).is_file()


def resolve(name: str) -> ModelRow | HubFile | Path:
    """What a name means: a row of the catalog, a file of the Hub, or a file on this machine.

    Names of the catalog may be written in any case. What `listing` shows can be typed too. A path
    need not exist if it ends in `.gguf`. Raises `UnknownModel` with the nearest names, and
    `UsageError` for a malformed address of the Hub.
    """
    from ..engine import caches
    from ..engine.hub import HubFile

    for row in MODELS:
        if name.lower() in (row.name, *row.aliases, row.file.lower()):
            return row
    if name.startswith("hf:"):
        file = HubFile.parse(name)
        # As a row it can also be had from the package index.
        return next((row for row in MODELS if row.weight.hub == file), file)
    path = expanded(name)
    if path.is_file():
        return path
    cached = {found.name: found.path for found in caches.gguf_files()}
    if name in cached:
        return cached[name]
    if name.lower().endswith(".gguf"):
        return path
    import difflib

    known = [*names(), *cached]
    raise UnknownModel(name, tuple(difflib.get_close_matches(name.lower(), known, 3, 0.4)))


def title(name: str) -> str:
    """What a model is called in receipts: the catalog's name, or that of its file."""
    found = resolve(name)
    return found.name if isinstance(found, ModelRow) else Path(name).name.removesuffix(".gguf")


def listing(settings: Settings, folders: Folders) -> list[Listed]:
    """What can be used: the catalog first, then other model files found on this machine."""
    rows = [_listed(row, settings, folders) for row in MODELS]
    seen = {Path(row.path).resolve() for row in rows if row.path}
    for found in _found(settings, folders):
        path = found.path.resolve()
        if path not in seen and (listed := _described(found)):
            rows.append(listed)
        seen.add(path)
    return rows


def _listed(row: ModelRow, settings: Settings, folders: Folders) -> Listed:
    from ..engine import weights

    weight = row.weight
    path = weights.find(weight, settings, folders)
    if path is None:
        state = f"needs fetching, {weight.bytes / 1e6:,.0f} MB"
    elif path.is_relative_to(folders.weights):
        state = "ready"
    else:
        state = "ready, in the cache of another tool"
    return Listed(
        name=row.name,
        aliases=row.aliases,
        ready=path is not None,
        state=state,
        bytes=weight.bytes,
        window=row.window,
        licence=weight.licence,
        good_at=row.good_at,
        can=row.can,
        path=str(path) if path else None,
    )


def _found(settings: Settings, folders: Folders) -> Iterator[Cached]:
    """GGUF files that were pulled from the Hub, and those other tools keep."""
    from ..engine import caches, weights

    yield from weights.pulled(folders.weights)
    if "caches" in settings.sources:
        yield from caches.gguf_files()


def _described(found: Cached) -> Listed | None:
    """A found file by its own header; `None` when it is no language model."""
    from ..engine import gguf

    state, window, licence, size = "ready", None, None, 0
    try:
        header = gguf.read(found.path, arrays=False)
    except BadModelFile as error:
        state = str(error)
    else:
        if header.architecture == "clip":  # the eyes of another model
            return None
        window, licence, size = header.context_length, header.licence, header.size
        if found.tool != "Pellucid":
            state = f"ready, in the cache of {found.tool}"
    return Listed(
        name=found.name,
        aliases=(),
        ready=state.startswith("ready"),
        state=state,
        bytes=size,
        window=window,
        licence=licence,
        good_at="",
        can=(),
        path=str(found.path),
    )

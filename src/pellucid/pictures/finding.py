"""Names of models that make pictures -> their folders, fetched from the Hugging Face hub."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from ..engine import caches, hub, weights
from ..engine.hub import HubFile, NoSuchFile
from ..errors import BadModelFile, ModelError, ModelUnavailable, WeightsError
from ..models.hosts import follow
from ..settings import Folders, Settings, expanded
from . import model_folder

Progress = Callable[[int, int], None]


def is_repository(name: str) -> bool:
    """Whether a name is that of a whole repository on the Hub: `hf:owner/name`."""
    part = r"([\w.-]{1,96})"  # the Hub's own limit; no name of a file may be much longer
    found = re.fullmatch(f"hf:{part}/{part}", name, re.ASCII)
    return found is not None and not any(set(part) == {"."} for part in found.groups())


def is_name(name: str) -> bool:
    """Whether a name is one that `locate` knows: of a repository, or a folder's."""
    if is_repository(name):
        return True
    return name != "" and os.path.isdir(expanded(name))  # noqa: PTH112 - it knows no failure


def title(name: str) -> str:
    """What a model is called in receipts: as its repository, or as its folder."""
    return name if is_repository(name) else expanded(name).resolve().name


def locate(
    name: str, settings: Settings, progress: Progress | None = None, *, fetch: bool = True
) -> Path:
    """The folder of a model: `hf:owner/name`, fetched if it is not here, a folder's path, or an
    alias of the settings for either. Raises `ModelError`, `ModelUnavailable`, `BadModelFile`.
    """
    name = follow(name, settings.models)
    if not is_repository(name):
        if is_name(name):
            return expanded(name)
        raise ModelError(
            f"{name!r} makes no pictures here: it is neither a folder nor hf:owner/name."
        )
    if (found := find(name)) is not None:
        return found
    if not fetch:
        raise ModelUnavailable(name, (f"it was not fetched yet: `pellucid pull {name}`",))
    return _fetch(name, settings, progress or (lambda done, total: None))


def find(name: str) -> Path | None:
    """Where a repository's model already is as a whole: with Pellucid, or in the cache of Hugging
    Face's own tools. No network."""
    owner, repo = name.removeprefix("hf:").split("/")
    snapshots = caches.hugging_face().glob(f"models--{owner}--{repo}/snapshots/*")
    folders = (_own(name), *sorted(snapshots))
    return next((each for each in folders if not model_folder.missing(each)), None)


def _own(name: str) -> Path:
    return Folders.of().weights / "hub" / name.removeprefix("hf:")


def _fetch(name: str, settings: Settings, progress: Progress) -> Path:
    if settings.offline:
        raise ModelUnavailable(name, ("Hugging Face hub: Pellucid is set to stay offline",))
    if "hub" not in settings.sources:
        raise ModelUnavailable(name, ("Hugging Face hub: left out by the setting `sources`",))
    repo, path = name.removeprefix("hf:"), _own(name)
    try:
        if _size(repo, model_folder.INDEX) is None:
            raise BadModelFile(
                f"{name} is no model of pictures: it has no {model_folder.INDEX}. A language model "
                "is named by its file: hf:owner/name/file.gguf."
            )
        _take(name, model_folder.INDEX, settings)
        model_folder.check_index(path)
        sizes = _sizes(name, repo)
    except WeightsError as error:
        raise ModelUnavailable(name, (f"Hugging Face hub: {error}",)) from error
    total, done = sum(sizes.values()), 0
    for file, size in sizes.items():
        _take(name, file, settings, _after(done, total, progress))
        done += size
    return path


def _after(before: int, total: int, progress: Progress) -> Progress:
    """The progress of one file among others."""
    return lambda done, _: progress(before + done, total)


def _sizes(name: str, repo: str) -> dict[str, int]:
    """The files that are to be fetched, with their bytes. What must be there comes last: until then
    the folder is not whole."""
    needed = [file for file in model_folder.REQUIRED if file != model_folder.INDEX]
    others = (file for files in model_folder.VOCABULARIES for file in files)
    sizes = {file: _size(repo, file) for file in (*model_folder.OPTIONAL, *others, *needed)}
    for file in needed:
        if sizes[file] is None:
            raise BadModelFile(
                f"{name} has no {file}: it is not exported to ONNX. A repository that "
                "`optimum-cli export onnx` made has one."
            )
    return {file: size for file, size in sizes.items() if size is not None}


def _size(repo: str, file: str) -> int | None:
    """Bytes of a file; `None` where the repository has none of this name."""
    try:
        return hub.look_up(HubFile(repo, file)).size
    except NoSuchFile:
        return None


def _take(name: str, file: str, settings: Settings, progress: Progress | None = None) -> None:
    """One file, into Pellucid's own folder: a model's parts lie beside one another."""
    weights.download_hub(
        HubFile.parse(f"{name}/{file}"),
        Folders.of().weights,
        offline=settings.offline,
        progress=progress,
    )

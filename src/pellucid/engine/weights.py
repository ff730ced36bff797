"""Weights: which there are, where they are found, and how they are fetched and verified.

Whatever the source, a file is trusted for its SHA-256 and nothing else, and it appears under its
name only when it is complete.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import (
    ChecksumMismatch,
    ModelUnavailable,
    SettingsError,
    UnknownModel,
    WeightsError,
)
from ..settings import Folders, Settings
from ..value import value
from . import caches, hub
from .arrival import disk_error, publish, work_folder
from .checksums import sha256_of as sha256_of
from .hub import HubFile, Progress

SOURCES = ("path", "caches", "hub", "index")

SHIPPED = Path(__file__).with_name("vocabularies")
"""Small vocabularies under free licences; its README says whose."""

_LABELS = {
    "path": "own folder",
    "caches": "caches of other tools",
    "hub": "Hugging Face hub",
    "index": "package index",
}


@value
class Part:
    """A piece of a file: `member` of the wheel of `package` (`name==version`)."""

    package: str
    member: str


@value
class Weight:
    """A file of weights or a vocabulary; `bytes` is its size, `parts` the wheels that hold it."""

    name: str
    use: str
    bytes: int
    sha256: str
    parts: tuple[Part, ...]
    licence: str
    upstream: str = ""
    notes: str = ""
    runtime: str = ""
    sha256_unpacked: str = ""

    @property
    def hub(self) -> HubFile | None:
        """The same file at its authors' place on the Hub, where `upstream` names it."""
        address = self.upstream.partition(" ")[0]
        return HubFile.parse(address) if address.startswith("hf:") else None


@functools.cache
def _catalog() -> dict[str, tuple[Weight, ...]]:
    rows = json.loads(Path(__file__).with_name("weights.json").read_text("utf-8"))
    return {kind: tuple(map(_weight, rows[kind])) for kind in ("weights", "vocabularies")}


def _weight(row: dict[str, Any]) -> Weight:
    parts = tuple(Part(part["package"], part["member"]) for part in row["parts"])
    return Weight(**{**row, "parts": parts})


def all_weights() -> tuple[Weight, ...]:
    """The models that can be had as ordinary packages."""
    return _catalog()["weights"]


def vocabularies() -> tuple[Weight, ...]:
    """The vocabularies that can be had as ordinary packages."""
    return _catalog()["vocabularies"]


def known(name: str) -> Weight:
    """The weight or vocabulary of this name; raises `UnknownModel`."""
    for weight in (*all_weights(), *vocabularies()):
        if weight.name == name:
            return weight
    raise UnknownModel(name)


def find(weight: Weight, settings: Settings, folders: Folders) -> Path | None:
    """Where the file already is on this machine, verified, or `None`. No network."""
    for source in settings.sources:
        if source == "path" and (path := _own(weight, folders.weights)):
            return path
        if source == "caches" and (path := _cached(weight, folders.weights)):
            return path
    return None


def obtain(
    names: Sequence[str], settings: Settings, progress: Progress | None = None
) -> tuple[Path, ...]:
    """The files of these weights, each where it already is or else fetched. Raises as `fetch`."""
    folders = Folders.of()
    wanted = [known(name) for name in names]
    return tuple(
        find(weight, settings, folders)
        or fetch(
            weight,
            folders.weights,
            sources=settings.sources,
            offline=settings.offline,
            progress=progress,
            beside=wanted[i + 1 :],
        )
        for i, weight in enumerate(wanted)
    )


def fetch(
    weight: Weight,
    folder: Path,
    *,
    sources: Sequence[str] = SOURCES,
    offline: bool = False,
    progress: Progress | None = None,
    beside: Sequence[Weight] = (),
) -> Path:
    """The verified file of a weight: in `folder`, or where another tool already keeps it.

    `sources` are tried in order. Those of `beside` that come in the same wheel are kept too, so
    that it is downloaded once. Raises `ModelUnavailable` with a line for each that failed,
    `ChecksumMismatch` when something else came than was promised, `WeightsError` when the disk
    is full or `folder` cannot be written.
    """
    tried: list[str] = []
    mismatch = False
    for source in sources:
        if source not in _LABELS:
            raise SettingsError(f"There is no source {source!r}; known are {', '.join(SOURCES)}.")
        try:
            return _take(source, weight, folder, offline, progress or _quiet, beside)
        except WeightsError as error:
            mismatch = mismatch or isinstance(error, ChecksumMismatch)
            tried.append(f"{_LABELS[source]}: {error}")
        except OSError as error:
            raise disk_error(error, weight.name, folder) from error
    if mismatch:
        lines = "".join(f"\n  {line}" for line in tried)
        raise ChecksumMismatch(f"{weight.name} could not be had as it was published:{lines}")
    raise ModelUnavailable(weight.name, tuple(tried))


def fetch_hub(
    address: str, folder: Path, *, offline: bool = False, progress: Progress | None = None
) -> Path:
    """A file of the Hub, `hf:owner/repo/file.gguf`: from the folder, a cache or the Hub itself.

    Verified against the SHA-256 that the Hub names for large files. Raises as `fetch` does.
    """
    file = HubFile.parse(address)
    found = find_hub(file, folder)
    return found or download_hub(file, folder, offline=offline, progress=progress)


def download_hub(
    file: HubFile, folder: Path, *, offline: bool = False, progress: Progress | None = None
) -> Path:
    """A file of the Hub in `folder`, where it is or else comes to; no cache is looked into.

    Verified and raises as `fetch_hub`.
    """
    address, target = str(file), _hub_target(file, folder)
    if target.is_file():
        return target
    progress = progress or _quiet
    try:
        _refuse(offline)
        remote = hub.look_up(file)
        with work_folder(target, folder, remote.size, 0, progress) as work:
            if not target.is_file():
                arrived = hub.download(remote, work, progress)
                publish(arrived, target, folder, remote.size, remote.sha256)
    except ChecksumMismatch as error:
        raise ChecksumMismatch(f"{address}: {error}") from error
    except WeightsError as error:
        raise ModelUnavailable(address, (f"{_LABELS['hub']}: {error}",)) from error
    except OSError as error:
        raise disk_error(error, address, folder) from error
    return target


def find_hub(file: HubFile, folder: Path) -> Path | None:
    """Where a file of the Hub already is on this machine, or `None`. No network."""
    target = _hub_target(file, folder)
    if target.is_file():
        return target
    return next((cached.path for cached in caches.candidates(file, None)), None)


def pulled(folder: Path) -> Iterator[caches.Cached]:
    """The GGUF files that `fetch_hub` put into the folder."""
    root = folder / "hub"
    for path in sorted(root.glob("*/*/**/*.gguf")):
        yield caches.Cached("Pellucid", f"hf:{path.relative_to(root)}", path)


def remove(path: Path, folder: Path) -> None:
    """Delete a model file that was fetched into `folder`.

    Raises `WeightsError` for a file that is elsewhere: it belongs to another tool, or to its user.
    """
    if not path.absolute().is_relative_to(folder.absolute()):
        raise WeightsError(
            f"{path} was not fetched by Pellucid, so it is left where it is; remove it by hand."
        )
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(f"{path} cannot be removed: {error.strerror}.") from error


def _hub_target(file: HubFile, folder: Path) -> Path:
    return folder / "hub" / file.repo / file.file


def _quiet(done: int, total: int) -> None:
    pass


def _refuse(offline: bool) -> None:
    if offline:
        raise WeightsError("not asked, because Pellucid is set to stay offline")


def _take(
    source: str,
    weight: Weight,
    folder: Path,
    offline: bool,
    progress: Progress,
    beside: Sequence[Weight],
) -> Path:
    """The file from this one source, or a `WeightsError` that says why not."""
    target = folder / weight.name
    if source == "path":
        if path := _own(weight, folder):
            return path
        if target.is_file():
            target.unlink()
            raise ChecksumMismatch(f"{target} was damaged and has been removed")
        raise WeightsError(f"{target} is not there yet")
    if source == "caches":
        if path := _cached(weight, folder):
            return path
        raise WeightsError("not in those of Hugging Face, llama.cpp or Ollama")
    _refuse(offline)
    remote = _offered(weight) if source == "hub" else None
    # Beside what is joined already, a wheel is there twice while pip copies it.
    spare = 0 if remote else weight.bytes // len(weight.parts)
    with work_folder(target, folder, weight.bytes, spare, progress) as work:
        if path := _own(weight, folder):  # another process was faster
            return path
        if remote:
            arrived = hub.download(remote, work, progress)
        else:
            from . import index  # what pip needs is not loaded before

            arrived = index.download(weight.parts, weight.bytes, work, progress, beside)
        publish(arrived, target, folder, weight.bytes, weight.sha256)
        for other in beside:
            if (came := work / other.sha256).is_file():
                publish(came, folder / other.name, folder, other.bytes, other.sha256)
    return target


def _offered(weight: Weight) -> hub.Remote:
    """What the Hub has of a weight; nothing is downloaded when it says it is another file."""
    if not weight.hub:
        raise WeightsError("no place there is known for this file")
    remote = hub.look_up(weight.hub)
    if remote.size != weight.bytes or remote.sha256 not in (None, weight.sha256):
        raise WeightsError(f"{weight.hub} is not the promised file any more")
    return remote


def _own(weight: Weight, folder: Path) -> Path | None:
    """The file in `folder`, or the one that comes with the package."""
    for path in (folder / weight.name, SHIPPED / weight.name):
        if _is(weight, path, folder):
            return path
    return None


def _cached(weight: Weight, folder: Path) -> Path | None:
    for cached in caches.candidates(weight.hub, weight.sha256):
        if _is(weight, cached.path, folder):
            return cached.path
    return None


def _is(weight: Weight, path: Path, folder: Path) -> bool:
    try:
        return path.stat().st_size == weight.bytes and sha256_of(path, folder) == weight.sha256
    except OSError:
        return False

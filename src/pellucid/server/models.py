"""The models a server answers with, by the names that requests have for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..errors import BadRequest, ModelUnavailable, PellucidError, UnknownModel, UsageError
from ..models import catalog, embeddings, names
from ..models.base import Model
from ..models.embeddings import MiniLM, open_minilm
from ..models.hosted import HostedModel
from ..models.hosts import Target, find, follow
from ..models.hosts import host as named
from ..models.keys import Endpoint, Key, KeyRing, owners_of
from ..models.local import LocalModel
from ..pictures import finding
from ..settings import Folders, Settings
from ..speech import hearing, speaking
from .threads import in_thread

KEPT = 256
"""Hosted models that are kept open, and names whose meaning is."""
FRESH = 5.0
"""Seconds for which the list of files is taken to be as it was."""
PARTS = (embeddings.NAME, *hearing.NAMES, *speaking.NAMES)
"""What makes vectors, transcriptions and speech here; an alias may mean these too."""
PICTURES = (
    "For pictures name hf:owner/name, once `pellucid pull` has fetched it, an alias in "
    "pellucid.toml of a model's folder, or a model of a host: openai:gpt-image-1."
)
LISTED = "`pellucid models` lists what can be used."


class Models:
    """What a request's `model` may name: models of this machine, rows of the settings, models of
    known hosts, those that were `given`; with a `default`, any other name means that one.

    No file's path and no host's address is taken from a request. With a default, a host's model
    must be written `HOST:NAME`, so that `gpt-4o-mini` in a program can mean a model here.
    """

    def __init__(
        self,
        settings: Settings,
        default: str | None = None,
        given: Mapping[str, Model] | None = None,
        embedder: MiniLM | None = None,
    ) -> None:
        self.settings = settings
        self.default = default
        self.given = dict(given or {})
        self._open: dict[str, Model] = {}
        self._embedder = embedder
        self._ring = KeyRing(settings)
        self._lock, self._noting = threading.Lock(), threading.Lock()
        self._meanings: dict[str, str | Target] = {}
        self._listed: tuple[float, list[catalog.Listed]] = (0.0, [])

    async def find(self, name: str, keys: Sequence[str] = (), host: str = "") -> Model:
        """The model a request names. `keys` are the caller's own; `host` is whose API it used.

        Raises `UnknownModel`, and `ModelUnavailable` for one that was not fetched.
        """
        known = self.require(name)
        if isinstance(known, Target):
            return self._hosted(known, keys, host)
        if known in self.given:
            return self.given[known]
        opened = self._open.get(known)
        return opened if opened is not None else await in_thread(lambda: self._local(known))

    def require(self, name: str) -> str | Target:
        """What a name means, the default's where it means nothing. Raises `UnknownModel`."""
        known = self.known(name)
        if known is None and self.default is not None:
            known = self.known(self.default)
        if known is None:
            raise UnknownModel(name, instead=LISTED)
        return known

    def known(self, name: str) -> str | Target | None:
        """What a name means: a model of this machine by its own name, one at a host, or `None`."""
        if found := self._meanings.get(name):
            return found
        found = self._look_up(name.removeprefix("models/"))
        if found is not None:
            with self._noting:  # not the lock of models, which is held while one is opened
                self._meanings[name] = found
                if len(self._meanings) > KEPT:
                    del self._meanings[next(iter(self._meanings))]
        return found

    def _look_up(self, name: str) -> str | Target | None:
        for each in (name, name.removesuffix(":latest")):
            if each in self.given:
                return each
            row = follow(each, self.settings.models)
            if row in self.settings.models:
                return find(row, self.settings.models)
            if row.lower() in catalog.names():
                return catalog.title(row)
            if row != each:  # an alias says what it means
                return find(row, self.settings.models) or self._behind(each, row)
        written_out = any(mark in name for mark in ":/")
        if "://" not in name and (written_out or self.default is None):
            try:
                target = find(name, {})
            except UsageError:
                target = None
            if target is not None:
                return target
        return next((row.name for row in self.listing() if row.name == name), None)

    def _behind(self, alias: str, name: str) -> str:
        """What an alias says, if that is of this machine: a default must not hide a slip in the
        settings. Raises `UnknownModel`."""
        there = (*self.given, *(row.name for row in self.listing()))
        if name in there or name.lower() in PARTS or finding.is_name(name):
            return name
        raise UnknownModel(name, instead=f"The alias {alias!r} says so. {LISTED}")

    def listing(self) -> list[catalog.Listed]:
        """The models of this machine, ready or not, as they were a moment ago."""
        now = time.monotonic()
        if not self._listed[1] or now - self._listed[0] > FRESH:
            self._listed = now, catalog.listing(self.settings, Folders.of())
        return self._listed[1]

    def names(self) -> tuple[str, ...]:
        """Names that answer: of models given and fetched, and of rows of the settings."""
        ready = (row.name for row in self.listing() if row.ready)
        rows = filter(self._means, self.settings.models)
        return tuple(dict.fromkeys((*self.given, *ready, *rows)))

    def _means(self, name: str) -> bool:
        """Whether a row of the settings is right: one that is not must not cost the whole list."""
        try:
            return self.known(name) is not None
        except PellucidError:
            return False

    def part(self, name: str, own: Sequence[str], what: str) -> str | Target | None:
        """Who makes `what` under a name: a part of this machine, by one of its `own` names, or a
        model at a host; `None` with a default, where the name means nothing.

        Raises `UnknownModel`, and `UsageError` for a model that makes none.
        """
        known = self.known(name)
        if isinstance(known, Target):
            return known
        for each in (known or "", name.removesuffix(":latest")):
            if each.lower() in own:
                return each.lower()
        others = f"For {what} there are {', '.join(own)}, and models of hosts."
        if known is not None:
            raise UsageError(f"{name} makes no {what}. {others}")
        if self.default is None:
            raise UnknownModel(name, instead=others)
        return None

    def picture_model(self, name: str) -> str:
        """The model of this machine that makes pictures under a name: a repository of the Hub, or
        what an alias says, which may be a folder. Raises `BadRequest` for no name, `UnknownModel`,
        and `UsageError` for a model that makes none.
        """
        if not name and self.default is None:
            raise BadRequest(f"model is missing. {PICTURES}", "model")
        for each in (name, self.default):
            if each is None:
                continue
            meant = follow(each, self.settings.models)
            if finding.is_repository(meant) or (meant != each and finding.is_name(meant)):
                return meant
            if self.known(each) is not None:
                raise UsageError(f"{each} makes no pictures. {PICTURES}")
        raise UnknownModel(name, instead=PICTURES)

    def embedder(self) -> MiniLM:
        """What makes vectors here. Raises `NotInstalled`, `ModelUnavailable`."""
        if self._embedder is None:
            self._embedder = open_minilm(self.settings)
        return self._embedder

    def _local(self, name: str) -> Model:
        with self._lock:
            if name not in self._open:
                row = next((row for row in self.listing() if row.name == name), None)
                if row is None and finding.is_name(name):
                    raise UsageError(f"{finding.title(name)} makes pictures; it answers no text.")
                if row is None or not row.ready:
                    raise ModelUnavailable(
                        name, (f"it was not fetched yet: `pellucid pull {name}`",)
                    )
                self._open[name] = names.open_model(name, self.settings)
            return self._open[name]

    def _hosted(self, target: Target, keys: Sequence[str], host: str) -> Model:
        if own := self._own_key(target, keys, host):
            return HostedModel(target, self.settings, _CallersKey(self._ring, own))  # type: ignore[arg-type]
        found = self._open.pop(target.name, None)
        found = found or HostedModel(target, self.settings, self._ring)
        self._open[target.name] = found  # the last used is the last
        if len(self._open) > KEPT:
            hosted = [name for name, each in self._open.items() if isinstance(each, HostedModel)]
            if len(hosted) > KEPT:
                del self._open[hosted[0]]
        return found

    def _own_key(self, target: Target, keys: Sequence[str], host: str) -> str | None:
        """The caller's own key for a host at its own address: one that begins as that host's do.
        Where several hosts' begin so, it must be the host whose API the caller speaks."""
        here = named(target.host.name) if keys else None
        if here is None or here.origin != target.host.origin:
            return None
        for key in keys:
            owners = {owner.name for owner in owners_of(key)}
            if here.name in owners and (len(owners) == 1 or here.name == host):
                return key
        return None

    async def pull(self, name: str, progress: Callable[[int, int], None]) -> None:
        """Fetch a model of the catalog. Raises `UnknownModel`; `UsageError` for one of pictures."""
        known = self.known(name)
        if not isinstance(known, str):
            raise UnknownModel(name, instead=LISTED)
        if finding.is_name(known) and all(row.name != known for row in self.listing()):
            raise UsageError(
                f"{finding.title(known)} makes pictures; what does is fetched with "
                "`pellucid pull hf:owner/name`, not by a request."
            )
        if known not in self.given:
            await in_thread(lambda: names.locate(known, self.settings, progress=progress))

    def local(self, model: Model) -> LocalModel:
        """A model whose tokens are known here. Raises `UsageError` for any other."""
        if not isinstance(model, LocalModel):
            raise UsageError(f"{model.name} is not a model of this machine: its tokens are hidden.")
        return model


class _CallersKey:
    """Keys of hosts, with the caller's own for the host it is for."""

    def __init__(self, ring: KeyRing, key: str) -> None:
        self._ring = ring
        self._key = key

    def endpoint(self, target: Target) -> Endpoint:
        endpoint = self._ring.endpoint(target)
        if endpoint.host.origin != target.host.origin:
            return endpoint  # the environment sends this host's calls elsewhere
        return replace(endpoint, key=Key(self._key, "caller", "the caller's own key"))

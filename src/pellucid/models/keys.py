"""Keys of hosts: where they are looked for, which of them may go where, what looks wrong.

In this order: the environment, `.env` in the working folder (the setting `dotenv` turns the two
round, or leaves the file alone), and what `pellucid keys set` stored. A key goes only to the origin
it was set for: a stored one is kept by its origin, and one of the environment does not follow an
address that a mere `.env` gives.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from ..errors import MissingKey, SettingsError, UsageError, WrongKey
from ..settings import Folders, Settings
from ..value import value
from . import dotenv
from .addresses import Origin
from .hosts import Host, Target, hosts
from .hosts import host as named

ENVIRONMENT = "environment"
DOTENV = ".env"
STORED = "stored"


@value
class Key:
    """`source` is `environment`, `.env` or `stored`; `variable` what it was in, if in one."""

    value: str = field(repr=False)
    source: str
    variable: str | None = None

    @property
    def where(self) -> str:
        """In words: `OPENAI_API_KEY`, `OPENAI_API_KEY in .env`, `the key that was stored`."""
        if self.variable is None:
            return "the key that was stored"
        return f"{self.variable} in .env" if self.source == DOTENV else self.variable

    @property
    def shown(self) -> str:
        """Its first characters: at most a quarter of it, and eight."""
        return f"{self.value.strip()[: min(8, len(self.value.strip()) // 4)]}…"


@value
class Endpoint:
    """A host at the address in force, with the key that may go there."""

    host: Host
    key: Key | None
    withheld: str = ""
    """Why a key that was found first stays here."""

    @property
    def command(self) -> str:
        """What stores a key for this very address."""
        row = named(self.host.name)
        known = row is not None and row.origin == self.host.origin
        return f"`pellucid keys set {self.host.name if known else self.host.origin}`"

    def require_key(self) -> None:
        """Raises `MissingKey`, and `WrongKey` for one that no header can carry."""
        host = self.host
        if self.key is None:
            if not host.needs_key or host.origin.loopback:
                return
            made = f" Keys are made at {host.page}." if host.page else ""
            raise MissingKey(
                f"No key for {host.name} is set, so nothing was sent.{self.withheld} Set "
                f"{' or '.join(host.keys)}, or store one: {self.command}.{made}"
            )
        value = self.key.value.strip()
        if not value.isascii() or not value.isprintable():
            raise WrongKey(
                f"{self.key.where} holds characters that no key has, so nothing was sent; "
                f"{self.command} stores another."
            )


class KeyRing:
    """The keys within reach: of an environment, of `.env` in `folder`, of the store."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self.file = Folders.of(self._environ).config / "keys.json"
        named = [(ENVIRONMENT, self._environ)]
        if settings.dotenv != "never":
            place = 0 if settings.dotenv == "before" else 1
            named.insert(place, (DOTENV, _dotenv((folder or Path.cwd()) / ".env")))
        self._sources: list[tuple[str, Mapping[str, str]]] = named

    def endpoint(self, target: Target) -> Endpoint:
        """Where `target` is, and the key for it. Raises `SettingsError` for a bad address."""
        host, whose = target.host, ""
        if not target.fixed:
            host, whose = self._rebased(host)
        withheld = ""
        for key in self.candidates(host):
            if key.source == ENVIRONMENT and whose == DOTENV:
                withheld = withheld or (
                    f" {key.variable} of the environment is not sent to {host.origin}: that "
                    "address stands in .env, and a key goes only where it was set for."
                )
                continue
            return Endpoint(host, key, withheld)
        return Endpoint(host, None, withheld)

    def _rebased(self, host: Host) -> tuple[Host, str]:
        for source, values in self._sources:
            for variable in host.address:
                if text := values.get(variable, "").strip():
                    try:
                        return host.rebased(text), source
                    except UsageError as error:
                        raise SettingsError(f"{variable} cannot be used: {error}") from error
        return host, ""

    def candidates(self, host: Host) -> Iterator[Key]:
        """Every key for a host, in the order of the sources."""
        for source, values in self._sources:
            for variable in host.keys:
                if values.get(variable, "").strip():
                    yield Key(values[variable], source, variable)
        stored = self.stored().get(str(host.origin))
        if stored:
            yield Key(stored, STORED)

    def stored(self) -> dict[str, str]:
        """Origin -> key. Raises `SettingsError` for a file that cannot be read."""
        try:
            keys = json.loads(self.file.read_text("utf-8"))
            if not isinstance(keys, dict) or not all(isinstance(k, str) for k in keys.values()):
                raise ValueError("it is not a list of keys")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            # The decoder's own words may quote the file.
            why = error.strerror if isinstance(error, OSError) else "it is damaged"
            raise SettingsError(f"{self.file} cannot be read: {why}.") from None
        return keys

    def readable_by_others(self) -> bool:
        """Whether the file of stored keys is open to other users."""
        return self.file.exists() and bool(self.file.stat().st_mode & 0o077)

    def store(self, origin: Origin, key: str | None) -> None:
        """Keep a key for an origin, or with `None` forget it. The file is its owner's alone."""
        keys = self.stored()
        keys.pop(str(origin), None)
        if key is not None:
            keys[str(origin)] = key
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.file.with_suffix(f".{os.getpid()}.tmp")
            temporary.unlink(missing_ok=True)
            number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(keys, file, indent=1)
            temporary.replace(self.file)
        except OSError as error:
            raise SettingsError(f"{self.file} cannot be written: {error.strerror}.") from error


def _dotenv(path: Path) -> Mapping[str, str]:
    try:
        return dotenv.parse(path.read_text("utf-8", "replace"))
    except OSError:
        return {}


def by_name(name: str) -> Host:
    """A host by its name, one of its variables, or an address. Raises `UsageError`."""
    from .hosts import at, other

    for row in hosts():
        if name in row.keys:
            return row
    if found := named(name):
        return found
    if "://" in name:
        origin = Origin.of(name)
        return at(origin) or replace(other(name), keys=())
    names = ", ".join(row.name for row in hosts() if row.keys)
    raise UsageError(f"No host is called {name!r}; known are {names}. An address works too.")


PLACEHOLDERS = ("your", "<", "xxx", "...", "…", "changeme", "api_key", "api-key")


def problems(value: str, host: Host) -> list[str]:
    """What looks wrong with a key for `host`, in words that do not quote it."""
    found = []
    key = value.strip()
    if value != key:
        found.append("blanks, tabs or line ends around it")
    if len(key) > 1 and key[0] in "\"'`“‘" and key[-1] in "\"'`”’":
        found.append("quotes kept in")
        key = key[1:-1].strip()
    if any(c.isspace() for c in key):
        found.append("a blank inside")
    if not key.isascii():
        found.append("characters that no key has")
    if key.lower().startswith("bearer "):
        found.append("“Bearer” kept in")
    if any(word in key.lower() for word in PLACEHOLDERS):
        found.append("a placeholder, not a key")
    owners = owners_of(key)
    if owners and not any(host.name == owner.name for owner in owners):
        found.append(f"begins like a key of {owners[0].name}")
    return found


def owners_of(key: str) -> list[Host]:
    """The hosts whose keys begin most like this one."""
    rows = [(len(start), row) for row in hosts() for start in row.begins if key.startswith(start)]
    longest = max((size for size, _ in rows), default=0)
    return [row for size, row in rows if size == longest]

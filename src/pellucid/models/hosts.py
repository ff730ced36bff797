"""Hosts that answer over HTTP: the table `hosts.toml`, and the names that mean one of them.

gpt-4.1-mini  anthropic:claude-...  groq/llama-...  https://host/v1#name  a row of pellucid.toml
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import SettingsError, UsageError
from ..value import value
from . import addresses
from .addresses import Origin


@value
class Host:
    """A row of `hosts.toml`, which explains the fields."""

    name: str
    base: str
    dialect: str
    keys: tuple[str, ...] = ()
    optional: bool = False
    address: tuple[str, ...] = ()
    version: str = ""
    aliases: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    check: str = "models"
    traits: frozenset[str] = frozenset()
    prices: str = ""
    page: str = ""

    @property
    def origin(self) -> Origin:
        return Origin.of(self.base)

    @property
    def needs_key(self) -> bool:
        return bool(self.keys) and not self.optional

    def answers_for(self, name: str) -> bool:
        """Whether a model's name alone, in lower case, means this host."""
        begins = any(
            name == start or name.startswith(f"{start.rstrip('-')}-") for start in self.names
        )
        return begins and not name.startswith(self.weights)

    def rebased(self, text: str) -> Host:
        """The host at another address, as one of its variables gives it."""
        base = addresses.ollama(text) if self.name == "ollama" else text.strip().rstrip("/")
        if self.version and not base.rpartition("/")[2].startswith("v1"):
            base = f"{base}/{self.version}"
        addresses.split(base)
        return replace(self, base=base)


@value
class Target:
    """A model at a host. `name` is what receipts call it, `model` what the host does.

    `fixed`: the address was chosen with the name, so no variable changes it. `window` is in
    tokens, where a row of the settings says it.
    """

    name: str
    host: Host
    model: str
    fixed: bool = False
    window: int | None = None


@cache
def hosts() -> tuple[Host, ...]:
    """The table, in its order."""
    import tomllib

    table = tomllib.loads(Path(__file__).with_name("hosts.toml").read_text("utf-8"))
    return tuple(_row(name, values) for name, values in table.items())


def _row(name: str, values: Mapping[str, Any]) -> Host:
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Host(name=name, **{**values, **lists, "traits": frozenset(values.get("traits", ()))})


def host(name: str) -> Host | None:
    """The host of this name or alias, in any case."""
    name = name.lower()
    return next((row for row in hosts() if name in (row.name, *row.aliases)), None)


def find(name: str, models: Mapping[str, Mapping[str, Any]]) -> Target | None:
    """What `name` means; `None` when it is no hosted model's.

    `models` are the user's own rows, whose aliases are already followed. Only a known host's name
    is split off: a path, or a repository's `owner/name`, stays what it is. Raises `UsageError`
    and `SettingsError`.
    """
    if name in models:
        return _own(name, models[name])
    if "://" in name:
        return _address(name)
    for separator in ":/":
        head, found, model = name.partition(separator)
        row = host(head) if found else None
        if row is not None and not (separator == "/" and model.startswith(row.weights)):
            if not model.strip():
                raise UsageError(f"{name} names a host but no model: {row.name}:NAME.")
            return Target(f"{row.name}:{model}", row, model)
    lower = name.lower()
    for row in hosts():
        if row.answers_for(lower):
            return Target(f"{row.name}:{name}", row, name)
    return None


def _address(name: str) -> Target:
    """`https://host/v1#name`."""
    base, _, model = name.partition("#")
    addresses.split(base)
    if not model:
        raise UsageError(f"Which model of {base}? Write {base}#NAME.")
    known = at(Origin.of(base))
    return Target(
        name, replace(known, base=base.rstrip("/")) if known else other(base), model, True
    )


def at(origin: Origin) -> Host | None:
    """The host of the table at an origin."""
    return next((row for row in hosts() if row.origin == origin), None)


def other(base: str) -> Host:
    """A host that the table does not have: of those the older `max_tokens` is understood by all."""
    name, traits = str(Origin.of(base)), frozenset(("max_tokens",))
    return Host(name, base.rstrip("/"), "openai", traits=traits)


OWN = ("alias", "host", "base", "dialect", "key", "model", "window", "traits")
"""What a row `[models.NAME]` of the settings file may say. `key` is a variable's name."""


def _own(name: str, row: Mapping[str, Any]) -> Target:
    where = f"[models.{name}]"
    for key, said in row.items():
        if key not in OWN:
            raise SettingsError(f"{where} has an unknown {key!r}; known are {', '.join(OWN)}.")
        expected: type = {"window": int, "traits": list}.get(key, str)
        if not isinstance(said, expected) or isinstance(said, bool) or not said:
            raise SettingsError(f"{where}: {key} cannot be {said!r}.")
    chosen = host(row["host"]) if "host" in row else None
    if "host" in row and chosen is None:
        names = ", ".join(found.name for found in hosts())
        raise SettingsError(f"{where}: no host is called {row['host']!r}; known are {names}.")
    if chosen is None:
        if "base" not in row:
            raise SettingsError(f"{where} says neither `host` nor `base` nor `alias`.")
        chosen = at(Origin.of(row["base"])) or other(row["base"])
    changes: dict[str, Any] = {}
    if "base" in row:
        addresses.split(row["base"])
        changes["base"] = row["base"].rstrip("/")
    if "dialect" in row:
        from ..dialects.registry import dialect

        dialect(row["dialect"])
        changes["dialect"] = row["dialect"]
    if "key" in row:
        changes["keys"] = (row["key"],)
    elif "base" in changes and Origin.of(changes["base"]) != chosen.origin:
        changes["keys"] = ()  # a key is not taken to another host unless the row names it
    if "traits" in row:
        changes["traits"] = chosen.traits | set(row["traits"])
    model = row.get("model", name)
    target = Target(name, replace(chosen, **changes), model, "base" in row)
    return replace(target, window=row.get("window"))


def follow(name: str, models: Mapping[str, Mapping[str, Any]]) -> str:
    """The name behind an alias of the settings file. Raises `SettingsError` for a circle."""
    seen = [name]
    while "alias" in models.get(name, {}):
        row = models[name]
        if len(row) > 1 or not isinstance(row["alias"], str):
            raise SettingsError(f"[models.{name}]: an alias is the name of a model, and says all.")
        name = row["alias"]
        if name in seen:
            raise SettingsError(f"The aliases {' -> '.join([*seen, name])} lead in a circle.")
        seen.append(name)
    return name

"""Hosts and the user's own rows: which can be asked now, and what each still needs."""

from __future__ import annotations

from ..dialects.base import Outgoing
from ..dialects.registry import dialect
from ..errors import PellucidError
from ..settings import Settings
from ..value import value
from .exchange import Talk
from .hosts import Host, Target, find, follow, hosts
from .http import Client, Timeouts
from .keys import Endpoint, KeyRing


@value
class HostListed:
    """A host in `pellucid models`: `name` is written before a colon and a model's name. For a row
    of the settings file it is the whole name."""

    name: str
    aliases: tuple[str, ...]
    ready: bool
    state: str
    base: str
    dialect: str
    keys: tuple[str, ...]


def listing(settings: Settings, ring: KeyRing | None = None) -> list[HostListed]:
    """The user's own rows first, then the table of hosts. Nothing is called."""
    ring = ring or KeyRing(settings)
    rows = []
    for name in settings.models:
        try:
            target = find(follow(name, settings.models), settings.models)
        except PellucidError as error:
            rows.append(HostListed(name, (), False, str(error), "", "", ()))
            continue
        if target is not None:  # else an alias of a model file
            rows.append(_listed(name, target, ring))
    return [*rows, *(_listed(row.name, Target(row.name, row, ""), ring) for row in hosts())]


def _listed(name: str, target: Target, ring: KeyRing) -> HostListed:
    try:
        endpoint = ring.endpoint(target)
    except PellucidError as error:
        host, ready, state = target.host, False, str(error)
    else:
        host = endpoint.host
        ready, state = _state(endpoint)
    return HostListed(name, host.aliases, ready, state, host.base, host.dialect, host.keys)


def _state(endpoint: Endpoint) -> tuple[bool, str]:
    if endpoint.key is not None:
        return True, f"ready, {endpoint.key.where}"
    if endpoint.host.origin.loopback:
        return True, "needs no key; its server must be running"
    if not endpoint.host.needs_key:
        return True, "needs no key"
    return False, f"needs a key: pellucid keys set {endpoint.host.name}"


def models_at(endpoint: Endpoint, settings: Settings, path: str = "") -> list[str]:
    """The models that a host lists, or with another `path` whether it takes the key at all.

    Raises `MissingKey`, and `ProviderError` as calls do.
    """
    endpoint.require_key()
    client = Client(Timeouts.of(settings), offline=settings.offline)
    talk = Talk(endpoint, dialect(endpoint.host.dialect), "it", Outgoing("", {}))
    try:
        return client.run(talk.models(path))
    finally:
        client.close()


def endpoint_of(host: Host, settings: Settings, ring: KeyRing | None = None) -> Endpoint:
    """Where a host is, and its key."""
    return (ring or KeyRing(settings)).endpoint(Target(host.name, host, ""))

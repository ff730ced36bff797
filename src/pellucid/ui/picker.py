"""The models one can talk to, each with what it needs before it answers."""

from __future__ import annotations

from pathlib import Path

from ..errors import PellucidError
from ..models import catalog, reach
from ..models.facts import facts
from ..models.hosts import Target, follow
from ..models.keys import KeyRing
from ..models.names import hosted
from ..views.html.markup import text
from .desk import Desk


def label(name: str) -> str:
    """A name as the list shows it: of a file, what it is called rather than where it lies."""
    return Path(name).stem if name.endswith(".gguf") else name


def choices(desk: Desk) -> list[tuple[str, str]]:
    """A line for each model, and the name it is asked by: files of this machine, then hosts."""
    rows = [(name, name) for name in desk.given]
    rows += [(f"{row.name} · {row.state}", row.name) for row in _files(desk)]
    for host in reach.listing(desk.settings):
        whole = host.name in desk.settings.models
        label = host.name if whole else f"{host.name}: …"
        rows.append((f"{label} · {host.state}", host.name if whole else f"{host.name}:"))
    return rows


def needs(desk: Desk, name: str) -> str:
    """What a model needs and can, as a line of HTML."""
    name = follow(name.strip(), desk.settings.models)
    if name in desk.given:
        return "given by this program"
    if name.endswith(":"):
        return (
            f"Write a model's name after {text(name)} — <code>pellucid models {text(name[:-1])}"
            f"</code> lists them. {text(_state(desk, name + 'x'))}"
        )
    try:
        if (target := hosted(name, desk.settings)) is not None:
            sees = {True: " · takes images", False: " · text only", None: ""}
            return text(f"at a host: {_state(desk, name)}{sees[facts(target).images]}")
        row = next((row for row in _files(desk) if name in (row.name, *row.aliases)), None)
        if row is None:
            catalog.resolve(name)
            return "a file on this machine"
    except PellucidError as error:
        return f'<span class="error">{text(str(error))}</span>'
    window = f" · {row.window:,} tokens window" if row.window else ""
    good_at = f" · {row.good_at}" if row.good_at else ""
    return text(f"on this machine: {row.state} · {row.bytes / 1e6:,.0f} MB{window}{good_at}")


def _files(desk: Desk) -> list[catalog.Listed]:
    return catalog.listing(desk.settings, desk.folders)


def _state(desk: Desk, name: str) -> str:
    """Whether the key of a host's model is set, and where."""
    target = hosted(name, desk.settings)
    assert isinstance(target, Target)
    try:
        endpoint = KeyRing(desk.settings).endpoint(target)
    except PellucidError as error:
        return str(error)
    host = endpoint.host
    if endpoint.key is not None:
        return f"{host.base}, key from {endpoint.key.where}"
    if host.needs_key and not host.origin.loopback:
        return f"no key is set; {' or '.join(host.keys)}, or {endpoint.command}"
    return f"{host.base}, needs no key"

"""`pellucid keys`: which keys there are, from where, and what looks wrong with them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from . import options, output

if TYPE_CHECKING:
    from ..models.hosts import Host
    from ..models.keys import KeyRing
    from ..settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=("set", "remove"), help="store a key, or forget a stored one"
    )
    name = parser.add_argument(
        "name", nargs="?", help="a host (openai), a variable (OPENAI_API_KEY) or an address"
    )
    options.completes(name, host_names)
    parser.add_argument("--check", action="store_true", help="ask each host whether its key works")
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def host_names(prefix: str, **_: Any) -> list[str]:
    from ..models.hosts import hosts

    return [host.name for host in hosts() if host.keys and host.name.startswith(prefix)]


def run(args: argparse.Namespace) -> int:
    from ..models.keys import KeyRing, by_name

    settings = options.settings(args)
    ring = KeyRing(settings)
    if args.action is None:
        return _list(args, settings, ring)
    if args.name is None:
        from ..errors import UsageError

        raise UsageError(f"Whose key? pellucid keys {args.action} openai")
    host = by_name(args.name)
    return _set(host, ring) if args.action == "set" else _remove(host, ring)


def _set(host: Host, ring: KeyRing) -> int:
    from ..errors import UsageError
    from ..models.keys import problems

    text = _typed(f"The key for {host.name}, not shown: ")
    key = text.strip()
    if not key:
        raise UsageError("The key is empty; nothing was stored.")
    ring.store(host.origin, key)
    wrong = problems(key, host)
    if wrong:
        print(f"pellucid: what looks wrong with it: {', '.join(wrong)}.", file=sys.stderr)
    print(f"Stored for {host.origin} in {ring.file}, which only you can read.")
    first = next((found for found in ring.candidates(host) if found.variable), None)
    if first is not None:
        print(f"{first.where} comes before it while that is set.")
    return 0


def _typed(prompt: str) -> str:
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt)
    return options.utf8(sys.stdin.buffer.read(), "standard input")


def _remove(host: Host, ring: KeyRing) -> int:
    if str(host.origin) not in ring.stored():
        print(f"No key is stored for {host.origin}.")
        return 1
    ring.store(host.origin, None)
    print(f"The key stored for {host.origin} was removed.")
    return 0


def _list(args: argparse.Namespace, settings: Settings, ring: KeyRing) -> int:
    rows = [row for host in _hosts(ring) for row in _rows(host, settings, ring, args.check)]
    if args.json:
        output.print_json(rows)
    else:
        _show(rows, settings, ring)
    return 1 if any(row["check"] not in (None, "accepted", "not checked") for row in rows) else 0


def _hosts(ring: KeyRing) -> list[Host]:
    """Those of the table, one for each origin and key, and those that only a key is stored for."""
    from ..models.hosts import hosts
    from ..models.keys import by_name

    rows = {(host.origin, host.keys): host for host in reversed(hosts()) if host.keys}
    known = {str(origin) for origin, _ in rows}
    others = [by_name(origin) for origin in ring.stored() if origin not in known]
    return [*reversed(rows.values()), *others]


def _rows(host: Host, settings: Settings, ring: KeyRing, check: bool) -> list[dict[str, Any]]:
    from ..models.keys import ENVIRONMENT, problems
    from ..models.reach import endpoint_of

    endpoint = endpoint_of(host, settings, ring)
    rows = []
    for key in ring.candidates(endpoint.host):
        used = key == endpoint.key
        wrong = problems(key.value, host)
        if not used and endpoint.withheld and key.source == ENVIRONMENT:
            wrong.append(endpoint.withheld.strip())
        rows.append(
            {
                "host": host.name,
                "origin": str(endpoint.host.origin),
                "source": key.source,
                "variable": key.variable,
                "begins": key.shown,
                "used": used,
                "problems": wrong,
                "check": _check(host, settings, ring) if check and used else None,
            }
        )
    return rows


def _check(host: Host, settings: Settings, ring: KeyRing) -> str:
    from ..errors import PellucidError
    from ..models.reach import endpoint_of, models_at

    if not host.check:
        return "not checked"  # the host tells nobody whether a key is good
    try:
        models_at(endpoint_of(host, settings, ring), settings, host.check)
    except PellucidError as error:
        return str(error)
    return "accepted"


def _show(rows: list[dict[str, Any]], settings: Settings, ring: KeyRing) -> None:
    for row in rows:
        where = "stored" if row["variable"] is None else row["variable"]
        where += " in .env" if row["source"] == ".env" else ""
        used = "" if row["used"] else "  (not used)"
        print(f"{row['host']:<18} {row['begins']:<10} {where}{used}")
        for problem in row["problems"]:
            print(f"{'':<18} looks wrong: {problem}")
        if row["check"]:
            print(f"{'':<18} {row['check']}")
    if not rows:
        print("No key is set. Store one: pellucid keys set openai")
    order = {
        "after": "The environment comes first, then .env of this folder",
        "before": ".env of this folder comes first, then the environment",
        "never": "The environment comes first, .env is not read",
    }
    print(f"\n{order[settings.dotenv]}, stored keys last (the setting `dotenv`).")
    if ring.readable_by_others():
        print(f"Others can read {ring.file}: chmod 600 {ring.file}")

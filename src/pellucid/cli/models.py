"""`pellucid models`: what can be used now, and what each needs; what is known of one model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from . import options, output

if TYPE_CHECKING:
    from ..models.catalog import Listed
    from ..models.hosts import Target
    from ..models.reach import HostListed
    from ..record.prices import Price
    from ..settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument(
        "name", nargs="?", help="a model, for what is known of it; a host, for its models"
    )
    options.completes(name, options.model_names)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    settings = options.settings(args)
    if args.name:
        return _one(args.name, settings, args.json)
    from ..models.catalog import listing
    from ..models.reach import listing as host_listing
    from ..settings import Folders

    files = listing(settings, Folders.of())
    hosts = host_listing(settings)
    if args.json:
        from dataclasses import asdict

        output.print_json([*map(asdict, files), *map(asdict, hosts)])
        return 0
    for row in files:
        _file(row)
    print(
        "\nat hosts: HOST:MODEL, as in openai:gpt-4.1-mini; `pellucid models HOST` asks for a list"
    )
    for host in hosts:
        _host(host)
    return 0


def _file(row: Listed) -> None:
    window = f"{row.window // 1024}k window" if row.window else "window unknown"
    size = f"{row.bytes / 1e6:,.0f} MB"
    can = f"; can: {', '.join(row.can)}" if row.can else ""
    print(f"{row.name:<24} {row.state}")
    print(f"  {size}, {window}, {row.licence or 'licence unknown'}{can}")
    if row.good_at:
        print(f"  {row.good_at}")
    if row.aliases:
        print(f"  also: {', '.join(row.aliases)}")
    if row.path:
        print(f"  {row.path}")


def _host(row: HostListed) -> None:
    print(f"{row.name:<24} {row.state}")
    if row.ready:
        print(f"  {row.base}")


def _one(name: str, settings: Settings, as_json: bool) -> int:
    from ..models import catalog
    from ..models.hosts import follow, host
    from ..models.names import hosted
    from ..settings import Folders

    name = follow(name, settings.models)
    target = hosted(name, settings)
    if target is not None:
        return _hosted(target, settings, as_json)
    if (row := host(name)) is not None:
        from ..models.reach import endpoint_of, models_at

        names = models_at(endpoint_of(row, settings), settings)
        if as_json:
            output.print_json(names)
        else:
            print("\n".join(f"{row.name}:{each}" for each in names))
        return 0
    title = catalog.title(name)
    rows = [each for each in catalog.listing(settings, Folders.of()) if name == each.path]
    rows = rows or [e for e in catalog.listing(settings, Folders.of()) if title == e.name]
    if not rows:
        from ..errors import UnknownModel

        raise UnknownModel(name)
    if as_json:
        from dataclasses import asdict

        output.print_json(asdict(rows[0]))
    else:
        _file(rows[0])
    return 0


def _hosted(target: Target, settings: Settings, as_json: bool) -> int:
    """What is known of a model at a host; what is not is "unknown"."""
    from ..models.facts import facts, price_name
    from ..models.keys import KeyRing
    from ..record.prices import price_of

    known = facts(target)
    price = price_of(price_name(target)) if target.host.prices else None
    endpoint = KeyRing(settings).endpoint(target)
    rates = {} if price is None else _rates(price)
    found: dict[str, Any] = {
        "name": target.name,
        "host": endpoint.host.name,
        "base": endpoint.host.base,
        "dialect": endpoint.host.dialect,
        "key": endpoint.key.where if endpoint.key else None,
        "tools": known.tools,
        "images": known.images,
        "thinking": known.thinking,
        "window": known.window,
        "cutoff": known.cutoff,
        "price": rates or None,
        "price_source": price.source if price else None,
        "price_dated": price.dated.isoformat() if price and price.dated else None,
        "source": known.source or None,
    }
    if as_json:
        output.print_json(found)
        return 0
    found["key"] = found["key"] or ("not set" if endpoint.host.needs_key else "none needed")
    found["window"] = f"{known.window:,} tokens" if known.window else None
    found["price"] = _price(rates)
    for key in ("price_source", "price_dated"):
        value = found.pop(key)
        found["price"] += f", {value}" if value else ""
    for key, value in found.items():
        text = {None: "unknown", True: "yes", False: "no"}.get(value, value)
        print(f"{key:<9} {text}")
    return 0


def _rates(price: Price) -> dict[str, str | None]:
    """US dollars a million tokens, by bucket."""
    rates = {
        "input": price.input,
        "output": price.output,
        "cache_read": price.cache_read,
        "cache_write": price.cache_write,
    }
    return {
        bucket: f"{rate.base.normalize():f}" if rate else None for bucket, rate in rates.items()
    }


def _price(rates: dict[str, str | None]) -> str:
    told = [f"{bucket.replace('_', ' ')} ${rate}" for bucket, rate in rates.items() if rate]
    return f"{', '.join(told)} a million tokens" if told else "unknown"

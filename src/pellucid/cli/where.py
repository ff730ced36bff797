"""`pellucid where`: files, folders and settings in use, and where each came from."""

from __future__ import annotations

import argparse

from . import output


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from ..settings import FIELDS, Folders, load

    folders = Folders.of()
    places = {
        "settings": folders.config / "pellucid.toml",
        "receipts": folders.store,
        "weights": folders.weights,
        "vocabularies": folders.vocabularies,
        "engines": folders.state / "engines",
    }
    settings = load()
    if args.json:
        values = {
            field.name: {
                "value": getattr(settings, field.name),
                "from": settings.origins[field.name],
                "variable": field.env,
            }
            for field in FIELDS
        }
        output.print_json({"places": {k: str(v) for k, v in places.items()}, "settings": values})
        return 0
    for name, path in places.items():
        print(f"{name:<16} {path}{'' if path.exists() else '  (not there yet)'}")
    print()
    for field in FIELDS:
        value = getattr(settings, field.name)
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        print(f"{field.name:<16} {text:<24} {settings.origins[field.name]:<10} {field.env}")
        print(f"{'':<16} {field.help}")
    return 0

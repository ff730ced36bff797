"""`pellucid pull`: fetch a model, verified, into the cache."""

from __future__ import annotations

import argparse

from . import options


def arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument(
        "name", nargs="?", help="a name of `pellucid models`, or hf:owner/repo/file.gguf"
    )
    options.completes(name, options.model_names)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def run(args: argparse.Namespace) -> int:
    from ..models.names import locate
    from .output import Fetching

    settings = options.settings(args)
    with Fetching() as progress:
        path = locate(args.name or settings.model, settings, progress=progress)
    print(path)
    return 0

"""`pellucid pull`: fetch a model, verified, into the cache."""

from __future__ import annotations

import argparse

from . import options


def arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument(
        "name",
        nargs="?",
        help="a name of `pellucid models`, hf:owner/repo/file.gguf; for pictures hf:owner/repo",
    )
    options.completes(name, options.model_names)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def run(args: argparse.Namespace) -> int:
    from ..models.names import hosted, locate
    from ..pictures import finding
    from .output import Fetching

    settings = options.settings(args)
    name = args.name or settings.model
    if (target := hosted(name, settings)) is not None:
        from ..errors import UsageError

        raise UsageError(f"{name} is answered by {target.host.name}; there is nothing to fetch.")
    place = finding.locate if finding.is_repository(name) else locate
    with Fetching() as progress:
        path = place(name, settings, progress=progress)
    print(path)
    return 0

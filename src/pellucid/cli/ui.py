"""`pellucid ui`: the page, a conversation on the left, what really happened on the right."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from . import options
from .serve import port

if TYPE_CHECKING:
    from ..settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=port, help="port (7860, or the next that is free)")
    parser.add_argument(
        "--token", metavar="SECRET", help="let in only who has this (or PELLUCID_TOKEN)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")


def run(args: argparse.Namespace) -> int:
    from ..ui.own import with_extra

    with_extra()
    settings, model = options.settings(args), options.one_model(args)
    if model is not None:
        _known(model, settings)
    from ..ui import serving
    from ..ui.desk import Desk

    token = args.token or os.environ.get("PELLUCID_TOKEN") or None
    serving.run(
        Desk(settings, model=model),
        host=args.host,
        port=args.port,
        token=token,
        browser=not args.no_browser,
    )
    return 0


def _known(model: str, settings: Settings) -> None:
    """A name that means nothing is said now, not on the page. Raises `UnknownModel`."""
    from ..models import catalog
    from ..models.hosts import follow
    from ..models.names import hosted

    name = follow(model, settings.models)
    if hosted(name, settings) is None:
        catalog.resolve(name)

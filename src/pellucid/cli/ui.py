"""`pellucid ui`: the page, a conversation on the left, what really happened on the right."""

from __future__ import annotations

import argparse
import os

from . import options


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=int, help="port (7860, or the next that is free)")
    parser.add_argument(
        "--token", metavar="SECRET", help="let in only who has this (or PELLUCID_TOKEN)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")


def run(args: argparse.Namespace) -> int:
    from ..ui import serving
    from ..ui.desk import Desk

    token = args.token or os.environ.get("PELLUCID_TOKEN") or None
    accept = serving.listener(args.host, args.port)
    print(f"http://{args.host}:{accept.getsockname()[1]}", flush=True)
    desk = Desk(options.settings(args), model=options.one_model(args))
    try:
        serving.serve(desk, accept, token)
    finally:
        desk.close()
    return 0

"""`pellucid models`: what can be used now, and what each needs."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from . import output


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from ..models.catalog import listing
    from ..settings import Folders, load

    rows = listing(load(), Folders.of())
    if args.json:
        output.print_json([asdict(row) for row in rows])
        return 0
    raise NotImplementedError

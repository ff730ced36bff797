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
    for row in rows:
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
    return 0

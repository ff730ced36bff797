"""`pellucid diff`: two prompts, where they part and why."""

from __future__ import annotations

import argparse

from . import options, output, show


def arguments(parser: argparse.ArgumentParser) -> None:
    for name, what in (("first", "the earlier receipt"), ("second", "the later one")):
        id = parser.add_argument(name, help=f"{what}: an id, its beginning, or last")
        options.completes(id, show.receipt_ids)
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    from ..record.divergence import divergence
    from ..record.store import Store
    from ..settings import Folders
    from ..views import terminal

    with Store(Folders.of().store) as store:
        first, second = store.get(args.first), store.get(args.second)
    found = divergence(first, second)
    if args.json:
        from dataclasses import asdict

        output.print_json(asdict(found))
    else:
        output.show(terminal.divergence, found, first, second)
    return 0

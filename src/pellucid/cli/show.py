"""`pellucid show`: one receipt."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from . import options, output


def arguments(parser: argparse.ArgumentParser) -> None:
    id = parser.add_argument("id", nargs="?", default="last", help="an id, its beginning, or last")
    options.completes(id, receipt_ids)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="everything, as JSON")
    kind.add_argument("--html", metavar="FILE", help="write one self-contained page")


def receipt_ids(prefix: str, **_: Any) -> list[str]:
    """Ids of receipts for the shell to complete."""
    from ..record.store import Store
    from ..settings import Folders

    rows = Store(Folders.of().store).list(limit=50)
    return [name for name in ("last", *(row.id for row in rows)) if name.startswith(prefix)]


def run(args: argparse.Namespace) -> int:
    from ..record.store import Store
    from ..settings import Folders

    store = Store(Folders.of().store)
    receipt = store.get(args.id)
    if args.json:
        from ..record.codec import to_json

        output.print_json(to_json(receipt))
    elif args.html:
        from ..errors import UsageError
        from ..views.html import receipt_page

        earlier = tuple(
            before
            for before in store.conversation(receipt.conversation)
            if before.id < receipt.id and before.reply.message in receipt.request.messages
        )
        try:
            Path(args.html).write_text(receipt_page(receipt, earlier), "utf-8")
        except OSError as error:
            raise UsageError(f"{args.html} cannot be written: {error.strerror}.") from error
        print(f"written to {args.html}", file=sys.stderr)
    else:
        from ..views import terminal

        output.show(terminal.receipt, receipt)
    return 0

"""`pellucid receipts`: list, search, export, import, delete."""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import Any

from . import options, output

AGE = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def arguments(parser: argparse.ArgumentParser) -> None:
    _listing(parser, {"limit": 20, "json": False, "model": None, "app": None})
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    _listing(verbs.add_parser("list", help="newest first (the default)"))
    search = verbs.add_parser("search", help="receipts whose messages hold these words")
    search.add_argument("text")
    _listing(search)
    export = verbs.add_parser("export", help="as JSON Lines")
    export.add_argument("file", nargs="?", default="-", help="default: standard output")
    into = verbs.add_parser("import", help="read JSON Lines written by export")
    into.add_argument("file", nargs="?", default="-", help="default: standard input")
    delete = verbs.add_parser("delete", help="remove receipts for good")
    delete.add_argument("id", nargs="*")
    delete.add_argument("--older-than", metavar="AGE", help="such as 12h, 30d or 8w")
    for verb in (export, delete):
        _add_model(verb, argparse.SUPPRESS)
        verb.add_argument("--search", metavar="TEXT", help="only those that hold these words")


def _listing(parser: argparse.ArgumentParser, defaults: dict[str, Any] | None = None) -> None:
    """The options of a list. A verb leaves its defaults to the command's own."""
    without = dict.fromkeys(("limit", "json", "model", "app"), argparse.SUPPRESS)
    chosen = defaults or without
    parser.add_argument("-n", "--limit", type=_limit, default=chosen["limit"], help="how many (20)")
    parser.add_argument(
        "--json", action="store_true", default=chosen["json"], help="machine-readable"
    )
    _add_model(parser, chosen["model"])
    parser.add_argument(
        "--app", default=chosen["app"], help="only of programs whose name begins so"
    )


def _add_model(parser: argparse.ArgumentParser, default: str | None) -> None:
    model = parser.add_argument("-m", "--model", default=default, help="only of this model")
    options.completes(model, options.model_names)


def _limit(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 2**31:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of receipts")
    return int(word)


def _model(name: str | None) -> str | None:
    """The name that receipts have for what a user calls this model."""
    from ..errors import UnknownModel
    from ..models.catalog import title

    try:
        return title(name) if name else None
    except UnknownModel:
        return name  # a model that is no longer known may still have receipts


def run(args: argparse.Namespace) -> int:
    from ..record.store import Store
    from ..settings import Folders

    store = Store(Folders.of().store)
    verb = {"export": _export, "import": _import, "delete": _delete}.get(args.verb, _list)
    return verb(store, args)


def _list(store: Any, args: argparse.Namespace) -> int:
    from ..views import terminal

    text = getattr(args, "text", None)
    rows = store.list(limit=args.limit, model=_model(args.model), text=text, app=args.app)
    if args.json:
        from dataclasses import asdict

        output.print_json([asdict(row) for row in rows])
    elif rows:
        output.show(terminal.summaries, rows)
    else:
        filtered = args.model or args.app or text
        print("no receipts", "match" if filtered else "yet", file=sys.stderr)
    return 0


def _export(store: Any, args: argparse.Namespace) -> int:
    filters = {"model": _model(args.model), "text": args.search}
    if args.file == "-":
        store.export(sys.stdout, **filters)
        return 0
    with _opened(args.file, "w") as file:
        count = store.export(file, **filters)
    print(f"{count} receipts written to {args.file}", file=sys.stderr)
    return 0


def _import(store: Any, args: argparse.Namespace) -> int:
    from ..errors import UsageError

    try:
        if args.file == "-":
            result = store.import_(sys.stdin)
        else:
            with _opened(args.file, "r") as file:
                result = store.import_(file)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{args.file} is not UTF-8 (byte 0x{error.object[error.start]:02x}); nothing was added."
        ) from None
    print(f"{result.added} receipts added, {result.skipped} were there already", file=sys.stderr)
    return 0


def _delete(store: Any, args: argparse.Namespace) -> int:
    from ..errors import UsageError

    if not (args.id or args.older_than or args.model or args.search):
        raise UsageError(
            "Name what to delete: ids, --older-than 30d, --model NAME or --search TEXT."
        )
    older = time.time() - _seconds(args.older_than) if args.older_than else None
    ids = [store.get(id).id for id in args.id] or None
    model = _model(args.model)
    count = store.delete(older_than=older, model=model, text=args.search, ids=ids)
    print(f"{count} receipts deleted")
    return 0


def _seconds(age: str) -> float:
    from ..errors import UsageError

    match = re.fullmatch(r"(\d+)([smhdw])", age)
    if not match:
        raise UsageError(f"{age!r} is not an age; write 12h, 30d or 8w.")
    return int(match[1]) * AGE[match[2]]


def _opened(name: str, mode: str) -> Any:
    from ..errors import UsageError

    try:
        return Path(name).open(mode, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{name} cannot be opened: {error.strerror}.") from error

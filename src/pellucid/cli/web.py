"""What `summarize` and `brochure` share: whom they may ask, how Markdown and progress are shown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from . import options, output

if TYPE_CHECKING:
    from ..web.asking import Asker
    from ..web.fetch import Access


def add_access(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a site of your own, not public, that may be read (may be given again)",
    )
    parser.add_argument(
        "--ignore-robots", action="store_true", help="read what a robots.txt asks to leave alone"
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="sent with each request to the first site (may be given again)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def access(args: argparse.Namespace) -> Access:
    from ..errors import UsageError
    from ..web.addresses import parse_allowed
    from ..web.fetch import Access

    headers = {}
    for line in args.header:
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not line.isprintable():
            raise UsageError(f"--header takes NAME:VALUE, not {line!r}.")
        headers[name.strip()] = value.strip()
    return Access(
        allowed=tuple(map(parse_allowed, args.allow_host)),
        ignore_robots=args.ignore_robots,
        headers=headers,
        offline=options.settings(args).offline,
    )


def asker(args: argparse.Namespace) -> Asker:
    """Asks the model that was named; a name that nobody knows is refused before pages are read."""
    from ..models import names
    from ..web.asking import Asker

    chosen = options.settings(args)
    names.check(options.one_model(args), chosen)
    return Asker(lambda: options.model(args), store="default" if chosen.log else None)


def show(pieces: Iterable[str], status: Status) -> None:
    """Print Markdown as it comes: coloured, with links to click, on a terminal."""
    drawn = output.Markdown()
    try:
        for piece in pieces:
            status.clear()
            drawn.piece(piece)
            status.waits = sys.stdout.isatty() and not drawn.at_line_start
    finally:
        drawn.end()
        status.waits = False
        if not drawn.at_line_start:  # broken off: what is said of that begins a line
            print(flush=True)


class Status:
    """One line about what goes on, on standard error, that the next one takes the place of.

    With `waits` nothing is said: the cursor stands behind text that a line of ours would wipe out.
    Leaving the context clears it.
    """

    def __init__(self) -> None:
        self.waits = False
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def say(self, sentence: str) -> None:
        if sys.stderr.isatty() and not self.waits:
            from ..views.terminal.style import clip

            self._shown = True
            line = clip(f"… {sentence}", output.width() - 1)
            print(f"\r\x1b[K\x1b[2m{line}\x1b[0m", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            self._shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

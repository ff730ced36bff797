"""What `summarize` and `brochure` share: whom they may ask, how Markdown and progress are shown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

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
    from ..web.asking import Asker

    return Asker(
        lambda: options.model(args), store="default" if options.settings(args).log else None
    )


def show(pieces: Iterable[str], status: Status) -> None:
    """Print Markdown as it comes: coloured, with links to click, on a terminal."""
    drawn = output.Markdown()
    for piece in pieces:
        status.clear()
        drawn.piece(piece)
    drawn.end()


class Status:
    """One line about what goes on, on standard error, that the next one takes the place of."""

    def __init__(self) -> None:
        self._shown = False

    def say(self, sentence: str) -> None:
        if sys.stderr.isatty():
            from ..views.terminal.style import clip

            self._shown = True
            line = clip(f"… {sentence}", output.width() - 1)
            print(f"\r\x1b[K\x1b[2m{line}\x1b[0m", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            self._shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

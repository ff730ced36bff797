"""`pellucid summarize`: pages, files or standard input in a few sentences."""

from __future__ import annotations

import argparse
import itertools
import sys
from typing import TYPE_CHECKING

from . import output, web

if TYPE_CHECKING:
    from ..web.summary import Summary


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources", nargs="*", metavar="URL", help="addresses, files, or - for stdin"
    )
    parser.add_argument("--words", type=int, default=120, help="about how many (default: 120)")
    parser.add_argument(
        "--language", default="", metavar="NAME", help="of the summary (default: the page's)"
    )
    parser.add_argument(
        "--style", default="points", help="points (default), prose, or a manner in your own words"
    )
    web.add_access(parser)


def run(args: argparse.Namespace) -> int:
    from ..errors import PellucidError, UsageError
    from ..web import languages
    from ..web.sources import pages
    from ..web.summaries import Summarizing, Wish

    sources = args.sources or ([] if sys.stdin.isatty() else ["-"])
    if not sources:
        raise UsageError("Nothing to read was named: pellucid summarize https://example.com/page")
    wish = Wish(args.words, languages.code(args.language), args.style)
    access = web.access(args)
    asker = web.asker(args)
    status = web.Status()
    with status:
        status.say(f"reading {sources[0] if len(sources) == 1 else f'{len(sources)} sources'}")
        found = pages(sources, access)
    if all(isinstance(page, PellucidError) for page in found):
        for page in found[1:]:
            print(f"pellucid: {page}", file=sys.stderr)
        assert isinstance(found[0], PellucidError)
        raise found[0]
    _ = asker.model  # opened before anything is shown
    done: list[Summary] = []
    for page in found:
        if isinstance(page, PellucidError):
            print(f"pellucid: {page}", file=sys.stderr)
            continue
        making = Summarizing(
            page, asker, wish, lambda n, parts: status.say(f"part {min(n + 1, parts)} of {parts}")
        )
        with status:
            if args.json:
                for _ in making:
                    pass
            else:
                head = f"# {page.title or page.url}\n\n"
                end = [f"\nSource: <{page.url}>\n"] if "://" in page.url else []
                if done:
                    print()
                web.show(itertools.chain([head], making, end), status)
        assert making.summary is not None
        done.append(making.summary)
        if not args.json:
            for note in making.summary.notes:
                output.quiet(note)
    if args.json:
        values = [summary.to_json() for summary in done]
        output.print_json(values[0] if len(sources) == 1 else values)
    return 0 if len(done) == len(found) else 1

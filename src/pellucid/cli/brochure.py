"""`pellucid brochure`: a company's site made into one page, with its sources."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import output, web

if TYPE_CHECKING:
    from ..web.brochures import Brochure

TONES = ("formal", "humorous")
AUDIENCES = ("customers", "investors", "recruits")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the company")
    parser.add_argument("url", help="its home page")
    parser.add_argument("--tone", choices=TONES, default="formal")
    parser.add_argument("--audience", choices=AUDIENCES, default="customers")
    parser.add_argument(
        "--language", default="", metavar="NAME", help="of the brochure (default: the site's)"
    )
    parser.add_argument("--pages", type=int, default=6, help="read at most (default: 6)")
    parser.add_argument(
        "--html", metavar="FILE", help="write it as one self-contained page; - is standard output"
    )
    web.add_access(parser)


def run(args: argparse.Namespace) -> int:
    from ..errors import UsageError
    from ..web import languages
    from ..web.brochures import Brief, Brochuring

    if args.html == "-" and args.json:
        raise UsageError(
            "--html - and --json both print: name a file for one, as in --html a.html."
        )
    brief = Brief(args.tone, args.audience, languages.code(args.language), args.pages)
    access = web.access(args)
    with web.Status() as status:
        making = Brochuring(args.name, args.url, web.asker(args), brief, access, status.say)
        if args.json or args.html:
            for _ in making:
                pass
        else:
            web.show(making, status)
    brochure = making.brochure
    assert brochure is not None
    if args.html:
        _write_html(brochure, args.html)
    if args.json:
        output.print_json(brochure.to_json())
    for note in brochure.notes:
        output.quiet(note)
    return 0


def _write_html(brochure: Brochure, file: str) -> None:
    from ..errors import UsageError
    from ..views.html.markdown import brochure_page

    page = brochure_page(brochure)
    if file == "-":
        print(page)
        return
    try:
        Path(file).write_text(page, "utf-8")
    except OSError as error:
        print(brochure.markdown)  # it was minutes of work
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from error
    print(f"written to {file}", file=sys.stderr)

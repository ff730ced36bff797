"""`pellucid brochure`: a company's site made into one page, with its sources."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import output, web

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
    parser.add_argument("--html", metavar="FILE", help="write it as one self-contained page")
    web.add_access(parser)


def run(args: argparse.Namespace) -> int:
    from ..errors import UsageError
    from ..web.brochures import Brief, Brochuring

    brief = Brief(args.tone, args.audience, web.language(args.language), args.pages)
    access = web.access(args)
    url = args.url if "://" in args.url else f"https://{args.url}"
    status = web.Status()
    making = Brochuring(args.name, url, web.asker(args), brief, access, status.say)
    if args.json or args.html:
        for _ in making:
            pass
    else:
        web.show(making, status)
    status.clear()
    brochure = making.brochure
    assert brochure is not None
    if args.html:
        from ..views.html.markdown import brochure_page

        try:
            Path(args.html).write_text(brochure_page(brochure), "utf-8")
        except OSError as error:
            raise UsageError(f"{args.html} cannot be written: {error.strerror}.") from error
        print(f"written to {args.html}", file=sys.stderr)
    if args.json:
        output.print_json(brochure.to_json())
    for note in brochure.notes:
        output.quiet(note)
    return 0

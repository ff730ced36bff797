"""A response -> a page: title, main text as Markdown, links, language, date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from .. import facts
from ..errors import NothingToRead, PellucidError
from ..value import value
from . import languages
from .charset import data_in, decode
from .fetch import Access, Fetched, fetch_and
from .links import Link

MOST_TITLE = 200
"""Characters."""
FOREIGN = "is in a script that is not known here; what a model makes of it may be wrong."
FULL = 0.85
"""The share of a paragraph's width from which a line counts as full."""
Kind = Literal["html", "text", "markdown", "pdf", "feed"]

_HTML = ("text/html", "application/xhtml+xml")
_COMMENTS = r"(?>\s*(<!--.*?-->\s*)*)"  # atomic: however many, they are read once
_MARKUP = re.compile(rf"{_COMMENTS}<(!doctype html|html|head|body)\b", re.I | re.S)
_MARKED = re.compile(r"\s*(?:[#>|`*+-]|\d+[.)])")
_FEED = re.compile(rf"(?>\s*)(<\?xml.*?\?>)?{_COMMENTS}<(rss|feed|rdf:RDF)\b", re.I | re.S)


@value
class Page:
    """What a person would read of a page.

    `text` is its main text as Markdown. `language` is a code (ISO 639-1), `date` ISO 8601, both
    empty where they cannot be told. `notes` are sentences about what could not be had.
    """

    url: str
    title: str
    text: str
    links: tuple[Link, ...] = ()
    language: str = ""
    date: str = ""
    kind: Kind = "html"
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Page({self.url!r}, {self.title!r}, {len(self.text):,} characters, {self.kind})"


def read(fetched: Fetched) -> Page:
    """The page of a response. Raises `NothingToRead` for bytes that are no text.

    A page without text has a note that says why; `require_text` makes an error of it.
    """
    from . import feeds, html, pdf

    kind = _kind(fetched)
    if kind == "pdf":
        page = pdf.read(fetched.body, fetched.url)
    else:
        text = decode(fetched.body, fetched.charset)
        if what := data_in(fetched.body, text):
            said = f" (sent as {fetched.mime})" if fetched.mime else ""
            raise NothingToRead(
                fetched.asked,
                f"{fetched.asked} is no page but {what}{said}; there is no text to read.",
            )
        if kind == "feed" or (kind is None and _FEED.match(text)):
            page = feeds.read(fetched.body, fetched.url)
        elif kind == "html" or (kind is None and _MARKUP.match(text)):
            page = html.read(text, fetched.url)
        else:
            page = _plain(text, fetched.url, kind or "text")
    if not page.text and not page.notes:
        page = replace(page, notes=(f"{fetched.asked} is empty.",))
    language = languages.detect(page.text)
    if not language and languages.is_foreign(page.text):
        page = replace(page, notes=(*page.notes, f"{fetched.asked} {FOREIGN}"))
    return replace(page, language=language or page.language)


def read_all(
    urls: Sequence[str], access: Access, *, linked_from: Fetched | None = None
) -> list[Page | PellucidError]:
    """The page of each address, or why there is none. All are fetched at once, and each is read
    as soon as it is there, while others are on their way."""
    return fetch_and(read, urls, access, linked_from=linked_from)


def require_text(page: Page) -> None:
    """Raises `NothingToRead`, saying why, for a page without text."""
    if not page.text:
        raise NothingToRead(page.url, page.notes[0])


def _kind(fetched: Fetched) -> Kind | None:
    """What a response is by its own account; `None`: its text must be looked at."""
    suffix = PurePosixPath(urlsplit(fetched.url).path).suffix.lower()
    mime = fetched.mime
    if fetched.body.startswith(b"%PDF-"):
        return "pdf"
    if mime in _HTML:
        return "html"
    if mime.endswith(("rss+xml", "atom+xml", "rdf+xml")):
        return "feed"
    if mime in ("text/markdown", "text/x-markdown") or (
        suffix in (".md", ".markdown") and mime in ("", "text/plain")
    ):
        return "markdown"
    return None


def _plain(text: str, url: str, kind: Kind) -> Page:
    """A text whose first line is its title, where that is no sentence."""
    first = re.match(r"\s*(?:#+\s*)?(.+)", text)
    title = first[1].strip() if first else ""
    if len(title) > MOST_TITLE or facts.is_whole(title):
        title = ""
    return Page(url=url, title=title, text=unwrapped(text), kind=kind)


def unwrapped(text: str) -> str:
    """`text` with the lines of a paragraph that was broken for its width joined again."""
    paragraphs = re.split(r"\n(?:[ \t]*\n)+", text.replace("\r\n", "\n").strip())
    return "\n\n".join(map(_joined, paragraphs))


def _joined(paragraph: str) -> str:
    """Prose goes on in small letters on some of its lines, and most lines are full: the next word
    had no room. Those of a log, a list or an address are not so."""
    lines = paragraph.split("\n")
    width = max(map(len, lines))
    full = [
        len(before) + 1 + len(line.split(maxsplit=1)[0]) > FULL * width
        for before, line in pairwise(lines)
    ]
    starts = [line.lstrip()[0] for line in lines[1:]]
    goes_on = [start for start in starts if start.isalpha() and not start.isupper()]
    if 2 * sum(full) < len(full) or 4 * len(goes_on) < len(full):
        return paragraph
    out = lines[:1]
    for line, follows in zip(lines[1:], full, strict=True):
        if follows and not _MARKED.match(line):
            out[-1] = f"{out[-1].rstrip()} {line.lstrip()}"
        else:
            out.append(line)
    return "\n".join(out)

"""The links of a page: absolute, each once, without what only tracks the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

if TYPE_CHECKING:
    from lxml.html import HtmlElement

Place = Literal["nav", "header", "main", "aside", "footer", "frame", "body"]

MOST = 2_000
"""Links of one page."""
MOST_ANCHORS = 20_000
"""Places of one page that are looked at for its links: many may lead to the same page."""
MOST_PIECES = 100
"""Pieces of one link that are looked at for its text."""
_PLACES: dict[str, Place] = {
    "nav": "nav",
    "header": "header",
    "main": "main",
    "article": "main",
    "aside": "aside",
    "footer": "footer",
}
_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_[ce]id|_hs\w+|mkt_tok|ref_src|sessionid|"
    r"phpsessid|jsessionid",
    re.I,
)
_FROM_ROOT = re.compile(r"(?!.*/\.)/(?!/)", re.S)
_PLAIN = re.compile(r"(?!.*/\.)/(?!/)[!-\"$->@-~]*")
"""A path from the root that is clean already: no query, fragment, blank or letter that is none."""


@dataclass(frozen=True, slots=True)
class Link:
    """`text` is what a reader sees of it, `place` the part of the page where it stands."""

    url: str
    text: str
    place: Place = "body"


def clean(url: str) -> str:
    """An address without its fragment and the parameters that only track its reader."""
    return _cleaned(urlsplit(url))


def _cleaned(parts: SplitResult) -> str:
    text = parts.query
    if text:
        query = parse_qsl(text, keep_blank_values=True)
        kept = [(key, value) for key, value in query if not _TRACKING.fullmatch(key)]
        text = text if len(kept) == len(query) else urlencode(kept)
    path = (parts.path or "/").replace(" ", "%20")
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, text.replace(" ", "%20"), ""))


def resolved(base: str, href: str) -> str:
    """The web address that `href` means on a page at `base`, cleaned; empty where it means none."""
    href = href.strip()
    try:
        if _FROM_ROOT.match(href):  # most links; joining takes several times as long
            scheme, netloc = urlsplit(base)[:2]
            parts = urlsplit(href)._replace(scheme=scheme, netloc=netloc)
        else:
            parts = urlsplit(urljoin(base, href))
        return _cleaned(parts) if parts.scheme in ("http", "https") and parts.netloc else ""
    except ValueError:
        return ""


def links_of(tree: HtmlElement, base: str, url: str) -> tuple[Link, ...]:
    """The links of the page at `url` in their order, resolved against `base`; the one to the page
    itself is left out."""
    found: dict[str, Link] = {}
    here, root = clean(url), resolved(base, "/").rstrip("/")
    for href, text, place in _anchors(tree):
        # Most links are paths: taking them apart takes several times as long.
        is_plain = root and _PLAIN.fullmatch(href)
        target = f"{root}{href}" if is_plain else resolved(base, href)
        if target in ("", here):
            continue
        known = found.get(target)
        if known is None:
            found[target] = Link(target, text, place)
        elif text and not known.text:
            found[target] = Link(target, text, known.place)
        if len(found) == MOST:
            break
    return tuple(found.values())


def _anchors(tree: HtmlElement) -> Iterator[tuple[str, str, Place]]:
    places: dict[HtmlElement, Place] = {}
    for element in islice(tree.iter("a", "area", "frame", "iframe"), MOST_ANCHORS):
        href = element.get("href" if element.tag in ("a", "area") else "src")
        if href:
            frame = element.tag in ("frame", "iframe")
            yield href, _text(element), "frame" if frame else _place(element, places)


def _text(element: HtmlElement) -> str:
    """The beginning of what is shown of a link; one that is not closed holds half a page."""
    pieces = islice(element.itertext(), MOST_PIECES) if len(element) else (element.text or "",)
    text = " ".join("".join([piece[:1_000] for piece in pieces]).split())
    if text:
        return text[:200]
    alts = [part.get("alt") for part in islice(element.iter(), MOST_PIECES) if part.tag == "img"]
    named = (element.get("aria-label"), element.get("title"), element.get("name"), *alts)
    return next((" ".join(name.split()) for name in named if name), "")[:200]


def _place(element: HtmlElement, known: dict[HtmlElement, Place]) -> Place:
    """`known` is what was found for the elements above others."""
    below = []
    place: Place = "body"
    for above in element.iterancestors():
        if above in known:
            place = known[above]
            break
        below.append(above)
        if above.tag in _PLACES or above.get("role") == "navigation":
            place = _PLACES.get(above.tag, "nav")
            break
    known.update(dict.fromkeys(below, place))
    return place

"""HTML -> a page. The main text is found by trafilatura; where that finds nothing, all visible
text is taken."""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import dropwhile, islice
from typing import TYPE_CHECKING

from ..engine import extra
from .links import clean, links_of, resolved
from .page import Page

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_HIDDEN = ("script", "style", "noscript", "template", "svg", "head", "select", "button")
_AROUND = (*_HIDDEN, "nav", "header", "footer", "aside", "form")
_BANNER = re.compile(r"cookie|consent|gdpr|newsletter|breadcrumb|comments", re.I)
_LINK = "\x01"  # no HTML has it: it marks where the text of a link begins and ends
_BLOCKS = frozenset(
    (
        *("address", "article", "blockquote", "dd", "div", "dl", "dt", "figcaption", "hr", "li"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "main", "ol", "p", "pre", "section", "table"),
        *("td", "th", "tr", "ul", "br"),
    )
)
_MARKS = {"li": "- ", **{f"h{n}": f"{'#' * n} " for n in range(1, 7)}}
_PUBLISHED = re.compile(r'"datePublished"\s*:\s*"([^"]+)"')
_NESTING = re.compile(
    r"(?:</?(?!(?:script|style|noscript|template|title|base|meta|link|input|p|a|li|h[1-6])\b)"
    r"[a-z][^<>]*>\s*)+",
    re.I,
)
MOST_ELEMENTS = 20_000
"""Elements of a page that are read, some 300 kB to 2 MB of it: up to four seconds of work."""
_REFRESH = re.compile(r"url\s*=\s*['\"]?([^'\"]+)", re.I)
_UNSEEN = re.compile(r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.I)
_LITTLE = 200
"""Characters: where trafilatura finds less, all the text that is shown is taken."""
_LOGIN = 1_000
"""Characters: a page with a field for a password and less text than this asks for a login."""


def read(text: str, url: str) -> Page:
    """The page whose HTML is `text`."""
    # A declaration inside a string that is decoded already would make lxml refuse it.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).replace("\0", "").replace(_LINK, "")
    if not text.strip():
        return Page(url, "", "")
    tree = _tree(text)
    if tree is None:
        return Page(url, "", "")
    _close_head(tree)
    base = _base(tree, url)
    links = links_of(tree, base, url)
    share = _cut(tree)
    _unwrap(tree)
    _drop_hidden(tree)
    title, date = _title(tree), _date(tree)
    main = _main(tree)
    if len(main) < _LITTLE:
        main = _visible(tree) or main
    return Page(
        url=url,
        title=title,
        text=main.strip(),
        links=links,
        language=(tree.get("lang") or "").partition("-")[0].lower(),
        date=date,
        notes=(*_notes(tree, main, base, url), *_left_out(share, url)),
    )


def _tree(text: str) -> HtmlElement | None:
    """The tree of a page, `None` for one without an element. Of one that is nested deeper than
    lxml goes, the elements that only group others are taken off: all else would be lost."""
    lxml = extra.need("web", "lxml.html")
    parser = lxml.HTMLParser()
    try:
        tree: HtmlElement = lxml.document_fromstring(text, parser, ensure_head_body=True)
        if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
            tree = lxml.document_fromstring(_NESTING.sub("<br>", text), ensure_head_body=True)
    except lxml.etree.ParserError:
        return None
    return tree


def _base(tree: HtmlElement, url: str) -> str:
    """The address that links are relative to."""
    base = next((element.get("href", "") for element in tree.iter("base")), "")
    return resolved(url, base) or url


def _cut(tree: HtmlElement) -> float:
    """Take away what follows the first `MOST_ELEMENTS`; the share that is left."""
    last = next(islice(tree.iter(), MOST_ELEMENTS, None), None)
    if last is None:
        return 1.0
    count = tree.xpath("count(//*) + count(//comment()) + count(//processing-instruction())")
    del last[:]
    while (parent := last.getparent()) is not None:
        del parent[parent.index(last) + 1 :]
        last = parent
    return float(MOST_ELEMENTS / count)


def _left_out(share: float, url: str) -> tuple[str, ...]:
    if share == 1:
        return ()
    return (f"{url} is very long: about its first {share:.0%} was read, the rest was not.",)


def _close_head(tree: HtmlElement) -> None:
    """What a page shows goes into its body. Where its tags are left out, as HTML allows, lxml does
    not know that `main`, `article` and the like end the head."""
    head, body = tree.find("head"), tree.find("body")
    metadata = ("base", "link", "meta", "noscript", "script", "style", "template", "title")
    shown = [
        *dropwhile(lambda child: not isinstance(child.tag, str) or child.tag in metadata, head)
    ]
    for element in reversed(shown):
        body.insert(0, element)


def _unwrap(tree: HtmlElement) -> None:
    """Tables that hold paragraphs or headings lay a page out: they become plain blocks. Links
    inside a link that is not closed become plain text: each would be weighed with all of it."""
    for inner in tree.xpath("//a//a"):
        inner.tag = "span"
    for table in tree.xpath("//table[.//p or .//h1 or .//h2 or .//table]"):
        for element in table.iter("table", "tbody", "thead", "tr", "td", "th"):
            element.tag = "div"


def _drop_hidden(tree: HtmlElement) -> None:
    """Take away what an element hides from readers: it may be meant for a model alone. A whole page
    is hidden only until a script shows it."""
    for element in tree.xpath("//body//*[@hidden or @style]"):
        if "hidden" in element.attrib or _UNSEEN.search(element.get("style")):
            element.drop_tree()


def _main(tree: HtmlElement) -> str:
    main: str | None = extra.need("web", "trafilatura").extract(
        deepcopy(tree),  # it takes the tree apart
        fast=True,
        output_format="markdown",
        include_formatting=True,
        include_comments=False,
        include_tables=True,
    )
    return main or ""


def _title(tree: HtmlElement) -> str:
    heads = [head for head in tree.iter("h1") if head.text_content().strip()]
    names = (
        *tree.xpath("//meta[@property='og:title']/@content"),
        heads[0].text_content() if len(heads) == 1 else "",
        tree.findtext(".//title") or "",
    )
    return next((" ".join(name.split())[:200] for name in names if name.strip()), "")


def _date(tree: HtmlElement) -> str:
    """When the page says it was published: the day, not a day that it speaks of."""
    named = tree.xpath(
        "//meta[@property='article:published_time' or @name='date' or @name='dc.date'"
        " or @itemprop='datePublished']/@content | (//article//time/@datetime)[1]"
    )
    said = _PUBLISHED.search("".join(tree.xpath("//script[@type='application/ld+json']/text()")))
    for text in (*named, said[1] if said else ""):
        if day := re.match(r"\d{4}-\d\d-\d\d", text.strip()):
            return day[0]
    return ""


def _visible(tree: HtmlElement) -> str:
    """The text that is shown as Markdown, a line a block, without what stands around the main text:
    menus, banners, and lines that are nothing but links."""
    lines: list[list[str]] = [[]]

    def walk(element: HtmlElement) -> None:
        block = element.tag in _BLOCKS
        if block:
            lines.append([_MARKS.get(element.tag, "")])
        if element.tag == "a":
            lines[-1].append(f"{_LINK}{element.text_content()}{_LINK}")
        else:
            lines[-1].append(element.text or "")
            for child in element:
                if (
                    isinstance(child.tag, str)
                    and child.tag not in _AROUND
                    and not _is_banner(child)
                ):
                    walk(child)
                lines[-1].append(child.tail or "")
        if block:
            lines.append([])

    walk(tree)
    out = []
    for pieces in lines:
        line = "".join(pieces)
        if re.search(r"\w", re.sub(f"{_LINK}.*?{_LINK}", "", line, flags=re.S)):
            out.append(" ".join(line.replace(_LINK, "").split()))
    return "\n".join(out)


def _is_banner(element: HtmlElement) -> bool:
    return bool(_BANNER.search(f"{element.get('class', '')} {element.get('id', '')}"))


def _leads_on(tree: HtmlElement, base: str) -> str:
    """Where a browser would go by itself; empty where it would stay."""
    for meta in tree.iter("meta"):
        if meta.get("http-equiv", "").lower() == "refresh":
            said = _REFRESH.search(meta.get("content", ""))
            target = resolved(base, said[1]) if said else ""
            return target if target.isprintable() else ""
    return ""


def _notes(tree: HtmlElement, text: str, base: str, url: str) -> tuple[str, ...]:
    notes = []
    if len(text) < _LITTLE // 2 and (target := _leads_on(tree, base)) not in ("", clean(url)):
        notes.append(f"{url} leads on to {target}, which was not followed: ask for that address.")
    if tree.xpath("//input[@type='password']") and len(text) < _LOGIN:
        notes.append(f"{url} asks for a login; only what it shows to strangers was read.")
    if tree.xpath("//frameset | //frame"):
        notes.append(f"{url} is made of frames; their pages are its links.")
    elif len(text) < _LITTLE // 2 and tree.xpath("//script"):
        much = "little" if text else "nothing"
        notes.append(f"{url} shows {much} without a browser: its text is made by scripts.")
    return tuple(notes)

"""The ten sites of `data/web_sites.toml` as HTML, each in the shape of another kind of site."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from web_server import Page, Server, serving

Links = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Site:
    """`facts` are lists of spellings, `right` the paths that belong into a brochure."""

    name: str
    language: str
    shape: str
    article: str
    facts: list[list[str]]
    right: list[str]
    links: Links
    texts: dict[str, str]
    charset: str

    @property
    def article_text(self) -> str:
        return self.texts[self.article]

    def pages(self) -> dict[str, Page]:
        """Path -> response; a page can be had with any of the queries its links carry."""
        out: dict[str, Page] = {}
        for path, text in self.texts.items():
            body = html(self, text).encode(self.charset, "xmlcharrefreplace")
            out[path] = (200, {"Content-Type": f"text/html; charset={self.charset}"}, body)
        return out


def load() -> dict[str, Site]:
    """Name -> site."""
    path = Path(__file__).with_name("data") / "web_sites.toml"
    rows = tomllib.loads(path.read_text("utf-8"))["site"]
    return {
        row["name"]: Site(
            name=row["name"],
            language=row["language"],
            shape=row["shape"],
            article=row["article"],
            facts=row["facts"],
            right=row["right"],
            links=[(place, href, text) for place, href, text in row["links"]],
            texts={"/": f"# {row['name']}\n\n{row['home']}", **row["pages"]},
            charset=row.get("charset", "utf-8"),
        )
        for row in rows
    }


def serve(site: Site) -> Iterator[Server]:
    with serving(site.pages()) as server:
        yield server


def html(site: Site, text: str) -> str:
    """A page of a site: its text inside what the site puts around every page."""
    blocks = text.split("\n\n")
    title = blocks[0].removeprefix("# ")
    body = SHAPES[site.shape](title, blocks[1:], site.links)
    lang = "" if site.shape in ("unmarked", "divs") else f' lang="{site.language}"'
    return (
        f"<!DOCTYPE html><html{lang}><head><title>{escape(title)} – {escape(site.name)}</title>"
        "<style>body{margin:0}</style><script>var tracked = {'page': 1, 'price': 99};</script>"
        f"</head><body>{body}</body></html>"
    )


def anchors(links: Links, *places: str, item: str = "") -> str:
    """The links of some places; `item` is the element around each."""
    out = []
    for place, href, text in links:
        if place in places:
            link = f'<a href="{escape(href)}">{escape(text)}</a>'
            out.append(f"<{item}>{link}</{item}>" if item else link)
    return " ".join(out)


def paragraphs(blocks: list[str]) -> str:
    return "".join(f"<p>{escape(block)}</p>\n" for block in blocks)


BANNER = "We value your privacy. Accept all cookies? You can change your mind at any time."


def classic(title: str, blocks: list[str], links: Links) -> str:
    return (
        "<header><a href='/'><img src='logo.png' alt='Logo'></a><nav><ul>"
        f"{anchors(links, 'nav', item='li')}</ul></nav></header>"
        f"<main><article><h1>{escape(title)}</h1>{paragraphs(blocks)}</article>"
        f"<h2>News</h2><ul>{anchors(links, 'main', item='li')}</ul></main>"
        f"<footer>{anchors(links, 'footer', 'aside')}<p>© 2025. {BANNER}</p></footer>"
    )


def cards(title: str, blocks: list[str], links: Links) -> str:
    teasers = anchors(links, "main", item="h3")
    return (
        f"<div class='cookie-banner'>{BANNER}</div><nav class='menu'>{anchors(links, 'nav')}</nav>"
        f"<section class='hero'><h1>{escape(title)}</h1></section>"
        f"<section class='content'>{paragraphs(blocks)}</section>"
        f"<div class='grid'><div class='card'>{teasers}<button>Add</button></div></div>"
        f"<footer class='site-footer'>{anchors(links, 'footer')}</footer>"
    )


def table(title: str, blocks: list[str], links: Links) -> str:
    """A page laid out with tables, as twenty years ago; tags in capitals, some never closed."""
    return (
        f"<TABLE width=100%><TR><TD colspan=2><B>{escape(title)}</B></TD></TR><TR>"
        f"<TD valign=top>{anchors(links, 'nav', item='P')}</TD>"
        f"<TD><H1>{escape(title)}</H1>{paragraphs(blocks).replace('</p>', '')}"
        f"{anchors(links, 'main', item='P')}</TD></TR><TR><TD colspan=2><FONT size=1>"
        f"{anchors(links, 'footer')}</FONT></TD></TR></TABLE>"
    )


def divs(title: str, blocks: list[str], links: Links) -> str:
    return (
        f"<div id='top'><div class='menu'>{anchors(links, 'nav', item='div')}</div></div>"
        "<div id='content'><div class='post'><div class='post-title'>"
        f"<h1>{escape(title)}</h1></div>"
        f"<div class='post-body'>{paragraphs(blocks)}</div></div>"
        f"<div class='more'>{anchors(links, 'main', item='div')}</div></div>"
        f"<div id='bottom'>{anchors(links, 'footer', item='span')}</div>"
    )


def blog(title: str, blocks: list[str], links: Links) -> str:
    return (
        f"<header><nav>{anchors(links, 'nav')}</nav></header><div class='columns'>"
        f"<article><h1>{escape(title)}</h1><time datetime='2025-05-12'>12 May</time>"
        f"{paragraphs(blocks)}<section id='comments'><p>First comment! Great post, thanks.</p>"
        f"</section></article><aside><h4>Tags</h4>{anchors(links, 'aside')}"
        f"<h4>Recent</h4>{anchors(links, 'main')}</aside></div><footer>{anchors(links, 'footer')}"
        "</footer>"
    )


def tracking(title: str, blocks: list[str], links: Links) -> str:
    """Absolute addresses from a base, with parameters that only track; scripts between."""
    ads = "<script>track('<p>99 clicks</p>')</script><noscript><img src='//t.example/p'></noscript>"
    body = "".join(f"<p>{escape(block)}</p>{ads}" for block in blocks)
    return (
        f"<base href='/'><header>{anchors(links, 'header')}</header>{ads}"
        f"<main><h1>{escape(title)}</h1>{body}{anchors(links, 'main')}</main>"
        f"<footer>{anchors(links, 'footer')}</footer>"
    )


def unmarked(title: str, blocks: list[str], links: Links) -> str:
    """Nothing but headings, paragraphs and line breaks; elements are not closed."""
    body = "".join(f"<p>{escape(block)}\n" for block in blocks)
    return f"<h1>{escape(title)}</h1>{body}<hr>{anchors(links, 'body', item='br')}"


def definition(title: str, blocks: list[str], links: Links) -> str:
    rows = "".join(f"<section><h2>{n}.</h2>{escape(b)}</section>" for n, b in enumerate(blocks, 1))
    return (
        f"<nav role='navigation'>{anchors(links, 'nav', item='span')}</nav>"
        f"<main><h1>{escape(title)}</h1>{re.sub('section', 'div', rows)}"
        f"<dl>{anchors(links, 'main', item='dd')}</dl></main>"
        f"<footer>{anchors(links, 'footer')}</footer>"
    )


SHAPES = {
    "classic": classic,
    "cards": cards,
    "table": table,
    "divs": divs,
    "blog": blog,
    "tracking": tracking,
    "unmarked": unmarked,
    "definition": definition,
}


def literal(said: str, text: str) -> tuple[list[str], list[str]]:
    """The figures, each with a scale behind it, and the words in capitals of what was said, those
    that begin sentences too; and those of them that a text does not have letter by letter. It
    shares nothing with the checks of the program, which it counts for."""
    edges = "\u201c\u201d\u201e\u00ab\u00bb\"'().,;:!?*-\u2013\u2014 "
    words = [word.strip(edges) for word in said.split()]
    found = []
    for word, behind in zip(words, [*words[1:], ""], strict=True):
        if any(char.isdigit() for char in word):
            scale = behind.lower().startswith(("mil", "bil", "tri", "mrd", "mio", "proz", "perc"))
            found.append(f"{word} {behind}" if scale else word)
        elif word[:1].isupper():
            found.append(word)
    known = f" {' '.join(word.strip(edges) for word in text.lower().split())} "
    return found, [one for one in found if f" {one.lower()} " not in known]

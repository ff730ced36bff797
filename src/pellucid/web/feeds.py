"""RSS, RDF and Atom -> a page: a heading and a text for each entry, and its link."""

from __future__ import annotations

from typing import Any

from ..engine import extra
from .links import Link, resolved
from .page import Page

MOST = 100
"""Entries read."""


def read(body: bytes, url: str) -> Page:
    """The feed in `body`; what of it is broken is left out."""
    etree = extra.need("web", "lxml.etree")
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(body, parser) if body.strip() else None
    if root is None:
        return Page(url, "", "", kind="feed")
    title = _child(
        root.find("{*}channel") if root.find("{*}channel") is not None else root, "title"
    )
    entries = list(root.iter("{*}item", "{*}entry", "item", "entry"))[:MOST]
    texts, links = [f"# {title}"] if title else [], []
    for entry in entries:
        head, date = (
            _child(entry, "title"),
            _child(entry, "pubDate", "published", "updated", "date"),
        )
        said = _child(entry, "encoded", "content", "description", "summary")
        texts.append("\n\n".join(part for part in (f"## {head}", date, said) if part))
        link = _link(entry)
        if link and (target := resolved(url, link)):
            links.append(Link(target, head, "main"))
    unique = {link.url: link for link in reversed(links)}
    return Page(
        url=url,
        title=title,
        text="\n\n".join(texts),
        links=tuple(reversed(unique.values())),
        kind="feed",
    )


def _child(element: Any, *names: str) -> str:
    """The text of the first of these children, markup in it taken out."""
    for name in names:
        for child in element.iterchildren(f"{{*}}{name}", name):
            text = " ".join("".join(child.itertext()).split())
            if "<" in text:
                html = extra.need("web", "lxml.html")
                text = " ".join(html.fromstring(f"<div>{text}</div>").text_content().split())
            if text:
                return text
    return ""


def _link(entry: Any) -> str:
    for child in entry.iterchildren("{*}link", "link"):
        if child.get("rel", "alternate") == "alternate" and (child.get("href") or child.text):
            return str(child.get("href") or child.text).strip()
    return ""

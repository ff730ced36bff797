"""Markdown as HTML: no HTML of its writer's, no images, links to http and https alone."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from ...web.brochures import Brochure
from ...web.summary import Summary
from .fragments import cell
from .markup import text
from .page import standalone

_REFERENCE = re.compile(r'<a href="([^"]*)">(\[\d+\])</a>')


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.validateLink = lambda url: url.startswith(("http://", "https://"))  # type: ignore[method-assign]
    return parser


def markdown(source: str) -> str:
    """The HTML of Markdown that a model or a page wrote."""
    html: str = _parser().render(source)
    html = _REFERENCE.sub(r'<a class="reference" href="\1">\2</a>', html)
    return html.replace("<a ", '<a rel="noopener noreferrer" ')


def _document(source: str, notes: tuple[str, ...]) -> str:
    listed = "".join(f"<li>{text(note)}</li>" for note in notes)
    noted = f'<ul class="quiet">{listed}</ul>' if listed else ""
    return f'<div class="text">{markdown(source)}{noted}</div>'


def summary_fragment(summary: Summary) -> str:
    """A summary in a notebook's cell."""
    return cell(_document(summary.markdown, summary.notes))


def brochure_fragment(brochure: Brochure) -> str:
    """A brochure in a notebook's cell."""
    return cell(_document(brochure.markdown, brochure.notes))


def live_fragment(source: str) -> str:
    """Markdown that is still being written."""
    return cell(_document(source, ()))


def brochure_page(brochure: Brochure) -> str:
    """A brochure as one self-contained page."""
    return standalone(brochure.name, _document(brochure.markdown, brochure.notes))

"""`pellucid.summarize` and `pellucid.brochure`: one call each, for Python and notebooks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from .. import settings
from ..errors import PellucidError
from ..models.base import Model
from . import languages
from .addresses import parse_allowed
from .asking import Asker
from .brochures import Audience, Brief, Brochure, Brochuring, Tone
from .fetch import Access
from .sources import pages
from .summaries import Summarizing, Wish
from .summary import Summary

if TYPE_CHECKING:
    from ..record.store import Store


def _to_the_end(pieces: Iterable[str]) -> None:
    deque(pieces, maxlen=0)


follow: Callable[[Iterable[str]], None] = _to_the_end
"""Reads a text that is being written; in a notebook it is shown as it grows."""


def summarize(
    source: str,
    *,
    words: int = 120,
    language: str = "",
    style: str = "points",
    model: Model | str | None = None,
    allow_hosts: Sequence[str] = (),
    store: Store | Literal["default"] | None = "default",
) -> Summary:
    """A summary of a page: an address, a file, or `-`. `language` is a name or a code.

    Raises `WebError` where the page cannot be had, `NothingToRead` where there is no text in it,
    `UsageError` for what is neither a file nor an address, or a language that is not known.
    """
    wish = Wish(words, languages.code(language), style)
    [page] = pages([source], _access(allow_hosts))
    if isinstance(page, PellucidError):
        raise page
    making = Summarizing(page, Asker(model, store=store), wish)
    follow(making)
    assert making.summary is not None
    return making.summary


def brochure(
    name: str,
    url: str,
    *,
    tone: Tone = "formal",
    audience: Audience = "customers",
    language: str = "",
    most_pages: int = 6,
    model: Model | str | None = None,
    allow_hosts: Sequence[str] = (),
    store: Store | Literal["default"] | None = "default",
) -> Brochure:
    """A brochure about the company `name`, whose home page is at `url`. Raises as `summarize`."""
    brief = Brief(tone, audience, languages.code(language), most_pages)
    making = Brochuring(name, url, Asker(model, store=store), brief, _access(allow_hosts))
    follow(making)
    assert making.brochure is not None
    return making.brochure


def _access(allow_hosts: Sequence[str]) -> Access:
    return Access(tuple(map(parse_allowed, allow_hosts)), offline=settings.load().offline)

"""What a person names to be read -> pages: addresses, files, standard input."""

from __future__ import annotations

import mimetypes
import os
import re
import sys
from collections.abc import Sequence

from ..errors import PellucidError, UsageError
from ..settings import expanded
from .addresses import typed
from .fetch import Access, Fetched, fetch_and
from .page import Page, read, require_text

_FILES = (".txt", ".html", ".htm", ".pdf", ".xml", ".json")
_PORT = re.compile(r"[\w-]+:\d+(/\S*)?$")  # a host without a dot, as one's own are


def pages(sources: Sequence[str], access: Access) -> list[Page | PellucidError]:
    """The page of each source, or why there is none; all addresses are fetched and read at once.

    A source is an address (`https://` may be left out), a file, or `-` for standard input.
    """
    found: dict[int, Page | PellucidError] = {}
    addresses: dict[int, str] = {}
    for n, source in enumerate(sources):
        try:
            local = _local(source)
            if local is None:
                addresses[n] = typed(source)
            else:
                found[n] = _page(local)
        except PellucidError as error:
            found[n] = error
    found |= zip(addresses, fetch_and(_page, list(addresses.values()), access), strict=True)
    return [found[n] for n in range(len(sources))]


def _page(fetched: Fetched) -> Page:
    page = read(fetched)
    require_text(page)
    return page


def _local(source: str) -> Fetched | None:
    """A file or standard input; `None` for what looks like an address."""
    if source == "-":
        return Fetched("standard input", "standard input", "", "", sys.stdin.buffer.read())
    if "://" in source:
        return None
    path = expanded(source)
    try:
        body = path.read_bytes()
    except OSError as error:
        if source and os.path.exists(path):  # noqa: PTH110 - it knows no failure
            raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
        if path.suffix.lower() in _FILES:
            raise UsageError(f"There is no file {source}.") from error
        if typed(source):
            return None
        like = f"http://{source}" if _PORT.match(source) else "https://example.com/page"
        raise UsageError(
            f"{source!r} is neither a file nor an address: an address is like {like}."
        ) from None
    return Fetched(str(path), source, mimetypes.guess_type(path.name)[0] or "", "", body)

"""What a person names to be read -> pages: addresses, files, standard input."""

from __future__ import annotations

import mimetypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import PellucidError, UsageError
from .fetch import Access, Fetched, fetch
from .page import Page, read, require_text

_FILES = (".txt", ".html", ".htm", ".pdf", ".xml", ".json")


def pages(sources: Sequence[str], access: Access) -> list[Page | PellucidError]:
    """The page of each source, or why there is none; all addresses are fetched at once.

    A source is an address (`https://` may be left out), a file, or `-` for standard input.
    """
    fetched: dict[int, Fetched | PellucidError] = {}
    addresses: dict[int, str] = {}
    for n, source in enumerate(sources):
        try:
            local = _local(source)
        except PellucidError as error:
            fetched[n] = error
            continue
        if local is None:
            addresses[n] = source if "://" in source else f"https://{source}"
        else:
            fetched[n] = local
    fetched |= zip(addresses, fetch(list(addresses.values()), access), strict=True)
    return [_page(fetched[n]) for n in range(len(sources))]


def _page(fetched: Fetched | PellucidError) -> Page | PellucidError:
    if isinstance(fetched, PellucidError):
        return fetched
    try:
        page = read(fetched)
        require_text(page)
    except PellucidError as error:
        return error
    return page


def _local(source: str) -> Fetched | None:
    """A file or standard input; `None` for what looks like an address."""
    if source == "-":
        return Fetched("standard input", "standard input", "", "", sys.stdin.buffer.read())
    if "://" in source:
        return None
    path = Path(os.path.expanduser(source))  # noqa: PTH111 - it knows no failure
    try:
        body = path.read_bytes()
    except OSError as error:
        if os.path.exists(path):  # noqa: PTH110 - it knows no failure
            raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
        if path.suffix.lower() in _FILES:
            raise UsageError(f"There is no file {source}.") from error
        host = source.partition("/")[0].partition(":")[0]
        if "." in host.strip(".") and not any(char.isspace() for char in source):
            return None
        raise UsageError(
            f"{source!r} is neither a file nor an address: an address is like "
            "https://example.com/page."
        ) from None
    return Fetched(str(path), source, mimetypes.guess_type(path.name)[0] or "", "", body)

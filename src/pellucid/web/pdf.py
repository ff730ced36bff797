"""PDF -> a page, by pypdf."""

from __future__ import annotations

import io
import logging
import time

from ..engine import extra
from ..errors import NothingToRead
from .page import Page, unwrapped

MOST_PAGES = 200
SECONDS = 20.0
"""A PDF that takes longer to read is read up to there."""


def read(body: bytes, url: str) -> Page:
    """The text of a PDF. Raises `NothingToRead` for one that is broken or locked."""
    pypdf = extra.need("web", "pypdf")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it reports each flaw of a file
    texts: list[str] = []
    end = time.monotonic() + SECONDS
    try:
        reader = pypdf.PdfReader(io.BytesIO(body))
        count = len(reader.pages)
        title = str((reader.metadata or {}).get("/Title") or "")
        for page in reader.pages[:MOST_PAGES]:
            texts.append(page.extract_text().strip())
            if time.monotonic() > end:
                break
    except Exception as error:  # pypdf raises whatever a broken file makes it stumble over
        if not texts:
            raise NothingToRead(url, f"The PDF at {url} cannot be read: {error}.") from error
        count = len(texts) + 1
    notes = []
    if len(texts) < count:
        notes.append(f"Of the {count:,} pages of {url} the first {len(texts):,} were read.")
    if not any(texts):
        notes.insert(0, f"The PDF at {url} has no text in it: it is made of images.")
    text = "\n\n".join(text for text in texts if text)
    title = title or text.partition("\n")[0][:200]
    return Page(url, title, unwrapped(text), kind="pdf", notes=tuple(notes))

"""The bodies of answers: unpacked, told from web pages, lists of models read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator

from ..errors import BadReply
from .steps import Answer

PIECE = 1 << 20


def is_page(answer: Answer, body: bytes) -> bool:
    """Whether an answer is a web page: no API's, but a proxy's or a wrong address's."""
    media = answer.headers.get("content-type", "").lower()
    return media.startswith("text/html") or body[:64].lstrip().startswith(
        (b"<!", b"<html", b"<?xml")
    )


def unpacker(answer: Answer) -> Callable[[bytes], Iterator[bytes]]:
    """Undoes the content coding of an answer, in pieces of bounded size.

    Raises `BadReply` for a coding that was not asked for, and for what is not in it.
    """
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        return lambda data: iter((data,))
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise BadReply(f"The answer is packed as {coding!r}, which was not asked for.")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(data: bytes) -> Iterator[bytes]:
        while data:
            try:
                piece = inflate.decompress(data, PIECE)
            except zlib.error as error:
                raise BadReply(f"The answer says it is packed as {coding}, but is not.") from error
            data = inflate.unconsumed_tail
            if piece:
                yield piece

    return unpack


def listed(body: bytes) -> list[str]:
    """The names in a list of models, of any dialect; none where it cannot be read."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    rows = (value.get("data") or value.get("models")) if isinstance(value, dict) else value
    found = [
        row.get("id") or row.get("name")
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    ]
    return [name.removeprefix("models/") for name in found if isinstance(name, str)]


WHOLE_COUNT, OBEDIENT = (0, 4), (0, 13)
"""Versions of Ollama: from the first on it counts the whole prompt, cache included, and from the
second on it heeds `truncate`, and so refuses what it used to cut.
https://github.com/ollama/ollama/pull/5371
"""


def cuts_and_tells(body: bytes) -> bool:
    """Whether an answer of `api/version` is of an Ollama that cuts prompts and counts what is left
    of them: only then does a small count mean a cut."""
    try:
        major, minor, *_ = json.loads(body)["version"].split(".")
        return WHOLE_COUNT <= (int(major), int(minor)) < OBEDIENT
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False

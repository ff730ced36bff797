"""Images, sounds and files as the wire has them: data URLs and base64."""

from __future__ import annotations

import base64
import binascii
from typing import Literal
from urllib.parse import unquote_to_bytes

from ..errors import BadRequest
from ..messages import Media


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str, where: str) -> bytes:
    """Raises `BadRequest` naming `where` for what is not base64; blanks in it do no harm."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"{where} is not base64: {error}.", where) from error


def media_url(media: Media) -> str:
    """The address of `media`; for bytes, a data URL that holds them."""
    if media.data is None:
        return media.url or ""
    return f"data:{media.mime};base64,{base64_text(media.data)}"


def from_url(kind: Literal["image", "audio", "file"], url: str, where: str) -> Media:
    """Media at an address, or the bytes that a data URL holds (RFC 2397).

    The type of what is at an address is not known: `mime` is then empty. Raises `BadRequest`.
    """
    if url[:5].lower() != "data:":
        return Media(kind, "", url=url)
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise BadRequest(f"{where} is a data URL without a comma, so without data.", where)
    if head.lower().endswith(";base64"):
        return Media(kind, head[:-7] or "text/plain", from_base64(data, where))
    return Media(kind, head or "text/plain", unquote_to_bytes(data))

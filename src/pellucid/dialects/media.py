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


BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"%PDF-": "application/pdf",
    b"OggS": "audio/ogg",
    b"fLaC": "audio/flac",
    b"ID3": "audio/mpeg",
}
ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "mp4": "video/mp4",
}


def type_of(data: bytes) -> str:
    """The type that the first bytes of `data` tell of; empty where they tell of none."""
    if data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"WAVE"):
        return "image/webp" if data[8:12] == b"WEBP" else "audio/wav"
    return next((mime for start, mime in BEGINNINGS.items() if data.startswith(start)), "")


def type_at(url: str) -> str:
    """The type that the end of an address tells of; empty where it tells of none."""
    path = url.partition("?")[0].partition("#")[0]
    return ENDINGS.get(path.rpartition(".")[2].lower(), "")


def kind_of(mime: str) -> Literal["image", "audio", "file"]:
    """What `Media` calls content of this type."""
    kind = mime.partition("/")[0]
    return "image" if kind == "image" else "audio" if kind == "audio" else "file"

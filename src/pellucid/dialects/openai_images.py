"""Pictures made by OpenAI's API. https://platform.openai.com/docs/api-reference/images"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BadReply, BadRequest
from ..messages import Media
from ..value import value
from .base import Outgoing
from .fields import need, take
from .json_text import drop_none
from .media import base64_text, from_base64
from .narrowing import Notes, note, note_unread

MOST = 10
FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
OWN = ("steps", "guidance", "seed")
"""What OpenAI's API has not, and models of this machine take."""
READ = (
    *("prompt", "model", "n", "size", "quality", "output_format", "response_format", "stream"),
    *OWN,
)


@value
class ImageRequest:
    """A picture to be made. `size` is width and height in pixels; `mime` the type of its file."""

    prompt: str
    count: int = 1
    size: tuple[int, int] | None = None
    quality: str | None = None
    mime: str | None = None


@value
class IncomingImage:
    """An `ImageRequest` that came in over the wire; `model` is empty when it named none. The others
    are `OWN`."""

    request: ImageRequest
    model: str
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    notes: tuple[str, ...] = ()


def encode_image_request(request: ImageRequest, model: str) -> Outgoing:
    """The body for `POST images/generations`."""
    names = {mime: name for name, mime in FORMATS.items()}
    body = {
        "model": model,
        "prompt": request.prompt,
        "n": request.count,
        "size": f"{request.size[0]}x{request.size[1]}" if request.size else None,
        "quality": request.quality,
        "output_format": names.get(request.mime or ""),
    }
    return Outgoing("images/generations", drop_none(body))


def decode_image_request(body: Mapping[str, Any]) -> IncomingImage:
    """Raises `BadRequest`."""
    notes: Notes = {}
    note_unread(body, READ, notes)
    if take(body, "stream", bool):
        raise BadRequest("stream is true; pictures come whole here.", "stream")
    if take(body, "response_format", str) == "url":
        note(notes, "response_format url was not heeded: pictures are sent as b64_json.")
    count = take(body, "n", int)
    if count is not None and not 1 <= count <= MOST:
        raise BadRequest(f"n is {count}; it goes from 1 to {MOST}.", "n")
    form = take(body, "output_format", str)
    if form is not None and form not in FORMATS:
        raise BadRequest(
            f"output_format is {form!r}; it can be {', '.join(FORMATS)}.", "output_format"
        )
    request = ImageRequest(
        need(body, "prompt", str),
        count or 1,
        _size(take(body, "size", str)),
        take(body, "quality", str),
        FORMATS[form] if form else None,
    )
    return IncomingImage(
        request,
        take(body, "model", str) or "",
        take(body, "steps", int),
        _number(body.get("guidance")),
        take(body, "seed", int),
        tuple(notes),
    )


def _number(value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise BadRequest(f"guidance must be a number, not {value!r}.", "guidance")


def _size(text: str | None) -> tuple[int, int] | None:
    if text in (None, "auto"):
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text or "", re.ASCII)
    if found is None:
        raise BadRequest(f"size is {text!r}; it is written as 1024x1024, or auto.", "size")
    return int(found[1]), int(found[2])


def form_of(mime: str) -> str:
    """The name of a format by its media type."""
    return next(name for name, each in FORMATS.items() if each == mime)


def decode_images(body: Mapping[str, Any]) -> tuple[Media, ...]:
    """The pictures of an answer: their bytes, or the address of each. Raises `BadReply`."""
    try:
        mime = FORMATS[body.get("output_format") or "png"]
        return tuple(_image(item, mime) for item in body["data"])
    except (AttributeError, BadRequest, KeyError, TypeError) as error:
        raise BadReply(f"The pictures are not of OpenAI's API: {error!r}") from error


def _image(item: Mapping[str, Any], mime: str) -> Media:
    if item.get("b64_json"):
        return Media("image", mime, from_base64(item["b64_json"], "b64_json"))
    return Media("image", "", url=item["url"])


def encode_images(images: Sequence[Media], created: int) -> dict[str, Any]:
    """`created` is in seconds since 1970."""
    data = [
        {"b64_json": base64_text(image.data)} if image.data is not None else {"url": image.url}
        for image in images
    ]
    mimes = {image.mime for image in images}
    form = next((name for name, mime in FORMATS.items() if mimes == {mime}), None)
    return drop_none({"created": created, "data": data, "output_format": form})

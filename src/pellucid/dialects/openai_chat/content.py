"""The content of a message as a server reads it: a string, or a list of typed parts."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest
from ...messages import Media, Part, Refusal, Text
from ..fields import need, objects, take, text_or_list
from ..media import from_base64, from_url
from ..narrowing import Notes, note, note_unread
from .narrow import AUDIO

MIMES = {name: mime for mime, name in AUDIO.items()}


def read_content(
    item: Mapping[str, Any], where: str, kinds: tuple[str, ...], notes: Notes
) -> list[Part]:
    """The parts of a message, each of one of `kinds`. Empty texts are left out.

    Raises `BadRequest` for other kinds and for what cannot be read.
    """
    content = item.get("content")
    if content is None or isinstance(content, str):
        return [Text(content)] if content else []
    text_or_list(content, f"{where}.content")
    parts = [_part(part, place, kinds, notes) for place, part in objects(item, "content", where)]
    return [part for part in parts if not isinstance(part, Text | Refusal) or part.text]


def read_text(item: Mapping[str, Any], where: str, notes: Notes) -> str:
    """The content of a message that can only be text."""
    parts = read_content(item, where, ("text",), notes)
    return "".join(part.text for part in parts if isinstance(part, Text))


def _part(part: Mapping[str, Any], where: str, kinds: tuple[str, ...], notes: Notes) -> Part:
    kind = need(part, "type", str, where)
    if kind not in kinds:
        raise BadRequest(
            f"{where}.type is {kind!r}; here it can be {' or '.join(kinds)}.", f"{where}.type"
        )
    note_unread(part, ("type", kind), notes, where)
    if kind == "text":
        # The one field that may be empty.
        return Text(take(part, "text", str, where) or "")
    if kind == "refusal":
        return Refusal(need(part, "refusal", str, where))
    place = f"{where}.{kind}"
    if kind == "image_url":
        return _image(part, where, notes)
    inner = need(part, kind, dict, where)
    return _sound(inner, place) if kind == "input_audio" else _file(inner, place)


def _image(part: Mapping[str, Any], where: str, notes: Notes) -> Media:
    place = f"{where}.image_url"
    if isinstance(part.get("image_url"), str):  # as some clients write it
        return from_url("image", part["image_url"], place)
    image = need(part, "image_url", dict, where)
    if take(image, "detail", str, place) not in (None, "auto"):
        note(notes, f"{place}.detail means nothing here and was left out.", place)
    return from_url("image", need(image, "url", str, place), f"{place}.url")


def _sound(sound: Mapping[str, Any], where: str) -> Media:
    form = need(sound, "format", str, where)
    data = from_base64(need(sound, "data", str, where), f"{where}.data")
    return Media("audio", MIMES.get(form, f"audio/{form}"), data)


def _file(file: Mapping[str, Any], where: str) -> Media:
    if take(file, "file_id", str, where) is not None:
        raise BadRequest(
            f"{where}.file_id names a file of an account; send its bytes as file_data.",
            f"{where}.file_id",
        )
    data, name = need(file, "file_data", str, where), take(file, "filename", str, where)
    place = f"{where}.file_data"
    if data[:5].lower() == "data:":
        media = from_url("file", data, place)
        return Media("file", media.mime, media.data, name=name)
    mime = mimetypes.guess_type(name or "")[0] or "application/octet-stream"
    return Media("file", mime, from_base64(data, place), name=name)

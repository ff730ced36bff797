"""Files that go with a message: images, sounds and documents as they are, texts as passages."""

from __future__ import annotations

from pathlib import Path

from .errors import UsageError
from .messages import Media, Text


def attachment(path: Path | str) -> Text | Media:
    """The file at `path` as a part of a message; what it is, its bytes say before its name.

    Text in UTF-8 becomes a passage with the file's name as its source. Raises `UsageError` for
    what cannot be read, is empty, or is of no type that models are sent.
    """
    from .dialects.media import kind_of, type_at, type_of

    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be attached: {error.strerror}.") from error
    if not data:
        raise UsageError(f"{path} is empty, so there is nothing to attach.")
    mime = type_of(data)
    text = _text(data)
    if text is not None and mime != "application/pdf":
        return Text(text, source=path.name)
    mime = mime or type_at(path.name)
    if not mime or mime == "text/plain":
        raise UsageError(
            f"{path} is neither text in UTF-8 nor an image, a sound or a PDF; it cannot be sent."
        )
    return Media(kind_of(mime), mime, data, name=path.name)


def _text(data: bytes) -> str | None:
    """The text that `data` is; `None` where it is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text

"""A picture that was made of a text, and the files it can become."""

from __future__ import annotations

import io
from pathlib import Path

from ..engine import extra
from ..errors import UsageError
from ..value import value

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
"""As OpenAI's API calls them, and Pillow."""


@value
class Picture:
    """A picture that was made of a text. In a notebook it is shown.

    `pixels` are rows from the top, three bytes each: red, green, blue; `size` is width and height.
    With the same `steps`, `guidance` and `seed` a model makes the same again. `notes` say what is
    not as it seems: words that were left out.
    """

    text: str
    pixels: bytes
    size: tuple[int, int]
    model: str
    steps: int
    guidance: float
    seed: int
    notes: tuple[str, ...] = ()

    def encoded(self, form: str = "png") -> bytes:
        """A file's bytes: png, jpeg or webp. Raises `UsageError` for another format."""
        if form not in FORMATS:
            raise UsageError(f"{form!r} is no format of pictures here: {', '.join(FORMATS)}.")
        out = io.BytesIO()
        image = extra.need("pictures", "PIL.Image").frombytes("RGB", self.size, self.pixels)
        image.save(out, FORMATS[form], quality=90)  # which PNG has not
        return out.getvalue()

    def save(self, path: Path | str) -> Path:
        """Write a file in the format that its name ends in. Raises `UsageError`."""
        path = Path(path)
        form = format_of(path)
        path.write_bytes(self.encoded(form))
        return path

    def __bytes__(self) -> bytes:
        """A PNG file."""
        return self.encoded()

    def __repr__(self) -> str:
        width, height = self.size
        return f"Picture({self.text[:40]!r}: {width}x{height}, seed {self.seed})"


def format_of(path: Path) -> str:
    """The format that a file's name ends in. Raises `UsageError`."""
    form = path.suffix[1:].lower().replace("jpg", "jpeg")
    if form not in FORMATS:
        raise UsageError(
            f"{path.name!r} does not say what picture it is to be; it can end in .png, .jpg, .webp."
        )
    return form

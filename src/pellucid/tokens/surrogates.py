"""Text that is no text: half of a surrogate pair, which UTF-8 cannot spell."""

from __future__ import annotations

from ..errors import TokenError


def refuse_lone(text: str) -> None:
    """Raises `TokenError` with the position of the first lone surrogate in `text`."""
    try:
        text.encode("utf-16-le")  # refuses the same as UTF-8, in less than half the time
    except UnicodeEncodeError as error:
        raise TokenError(
            f"Character {error.start:,} (U+{ord(text[error.start]):04X}, counted from 0) of the "
            "text is a lone surrogate, which no token can spell: remove it."
        ) from error

"""Text made safe and honest to look at: what would act or hide on a screen is spelled out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_SPELLED = {"\n": "↵", "\t": "⇥", "\r": "\\r"}
_JOINERS = "\u200c\u200d"  # emoji and several scripts are drawn wrongly without them
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_SELECTORS = re.compile("[\U000e0100-\U000e01ef]")  # text can be smuggled in these


def spelling(char: str) -> str | None:
    """How to write a character that would act on a screen or not be seen; `None`: as it is.

    Spelled out are controls, directions and other format characters, lone surrogates, separators
    other than the common space, and the supplementary variation selectors. A byte that is not
    UTF-8, as `surrogateescape` decodes it, is written as that byte.
    """
    if char in _SPELLED:
        return _SPELLED[char]
    if char == " " or char in _JOINERS:
        return None
    if unicodedata.category(char) not in _HIDDEN and not _SELECTORS.match(char):
        return None
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def runs(text: str) -> Iterator[tuple[str, str | None]]:
    """Cut text into `(text, None)`, shown as it is, and `(character, spelling)`."""
    if text.isprintable() and not _SELECTORS.search(text):
        if text:
            yield text, None
        return
    start = 0
    for i, char in enumerate(text):
        spelled = spelling(char)
        if spelled is not None:
            if start < i:
                yield text[start:i], None
            yield char, spelled
            start = i + 1
    if start < len(text):
        yield text[start:], None


def visible(text: str) -> str:
    """One line of text in which nothing acts and nothing hides but the common space."""
    return "".join(spelled or run for run, spelled in runs(text))


def piece_text(piece: bytes) -> str:
    """The text of a token's bytes; those that are not UTF-8 are kept as surrogates."""
    return piece.decode("utf-8", "surrogateescape")


def piece_line(piece: bytes) -> str:
    """A token on one line: blanks visible, a combining mark on a dotted circle, bytes in hex."""
    text = piece_text(piece)
    if text and unicodedata.combining(text[0]):
        text = f"◌{text}"
    return visible(text).replace(" ", "␣")


def spread(pieces: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """The text each token adds, and those of its bytes that begin or go on with a character.

    A character belongs to the token that brings its last byte. Bytes that are not UTF-8 stay with
    their token, as surrogates. Joined, the strings are the text of the joined bytes.
    """
    try:
        return [(piece.decode(), b"") for piece in pieces]
    except UnicodeDecodeError:
        pass
    out = []
    chars = iter(b"".join(pieces).decode("utf-8", "surrogateescape"))
    pending, read, end = next(chars, None), 0, 0
    for piece in pieces:
        end += len(piece)
        text = []
        while pending is not None:
            size = len(pending.encode("utf-8", "surrogateescape"))
            if read + size > end:
                break
            text.append(pending)
            read += size
            pending = next(chars, None)
        unfinished = min(end - read, len(piece))
        out.append(("".join(text), piece[len(piece) - unfinished :]))
    return out


def shown(pieces: Sequence[bytes]) -> list[str]:
    """Each token as it is shown in running text: what `spread` gives, unfinished bytes last."""
    return [text + piece_text(unfinished) for text, unfinished in spread(pieces)]

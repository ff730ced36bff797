"""What vocabularies do with white space beyond their expressions."""

from __future__ import annotations

from typing import Literal

from ..value import value

BLANK = "▁"
"""How SentencePiece spells a blank, and reads one where a text has this character."""

Side = Literal["left", "right", "both"]
"""Where a special token takes the white space beside it with it."""


@value
class SentencePiece:
    """BPE that begins with characters, and knows bytes only where a character has no token.

    A blank and U+2581 are the same to it. `prefix` says where a blank is put in front: of no
    text, of a text's beginning, or of every stretch between special tokens; `unless_blank`: not
    where one stands there already.
    """

    prefix: Literal["never", "first", "always"]
    unless_blank: bool = False

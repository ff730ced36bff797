"""Characters that a vocabulary lacks bytes for, said in a sentence."""

from __future__ import annotations

SHOWN = 8


def about_lost(characters: str) -> list[str]:
    """The note about characters that are left out; none where there are none."""
    if not characters:
        return []
    named = ", ".join(f"U+{ord(character):04X}" for character in characters[:SHOWN])
    more = ", …" if len(characters) > SHOWN else ""
    return [
        f"The vocabulary lacks bytes of {named}{more}: the model does not see "
        + ("that character" if len(characters) == 1 else "those characters")
        + " as written."
    ]

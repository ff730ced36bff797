"""Full-text search that takes any input and finds words of any script.

The index is FTS5's unicode61: case and accents do not matter, `snake_case` is two words next to
each other. It knows words by their blanks, so scripts that have none (Chinese, Japanese, Thai ..)
and pictures are indexed sign by sign, and searched as signs in a row. The trigram tokenizer would
do this too, but takes several times the space and finds nothing shorter than three signs, which
most Chinese words are.

Deleting takes a message's words out of the index by building them again. So a change to `indexed`,
or to `rows.searchable`, comes with a migration that fills the index anew.
"""

from __future__ import annotations

import re

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u2190-\u2bff"  # arrows, mathematics, pictures
    "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"  # kana, Han, Hangul
    "\U0001f000-\U0001faff\U00020000-\U0003ffff"  # emoji, rare Han
    "]"
)
_UNSEARCHABLE = re.compile("[\0\ud800-\udfff]")


def indexed(text: str) -> str:
    """`text` as it is given to the index."""
    return _UNSPACED.sub(r" \g<0> ", _UNSEARCHABLE.sub(" ", text))


def query(words: str) -> str:
    """What a user typed as an FTS5 query: every word occurs, as the beginning of a word.

    Nothing in it is an operator. Input without a letter, a digit or a picture matches nothing.
    """
    quoted = (word.replace('"', '""') for word in _UNSEARCHABLE.sub(" ", words).split())
    return " ".join(f'"{indexed(word)}" *' for word in quoted) or '""'

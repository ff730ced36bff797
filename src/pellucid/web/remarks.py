"""The humour of a brochure: a light remark after what the pages say, which itself states nothing.

The facts stay as they were checked. A remark has no figure, and no name that its section has not.
"""

from __future__ import annotations

from dataclasses import replace

from .. import facts
from ..messages import Text
from . import languages
from .asking import Asker

MOST_WORDS = 20
_EXAMPLES = (
    (
        "Our 12 drivers deliver bread before five in the morning.",
        "Their alarm clocks want a raise.",
    ),
    ("The mill sells 31 kinds of herbal tea.", "Coffee was not available for comment."),
    ("Everybody gets 28 days of holiday.", "The office plants have agreed to keep watch."),
)


def remark(text: str, language: str, url: str, asker: Asker) -> str:
    """One sentence about a section of a brochure, in a language (a code); empty where what the
    model says has a figure or a new name, repeats the section or an example, or is no sentence."""
    system = (
        "You answer each message with one short, light-hearted remark"
        f"{f' in {languages.name(language)}' if language else ''}. "
        "You state no facts, figures or names."
    )
    options = replace(asker.options, max_tokens=3 * MOST_WORDS)
    pieces = asker.stream(system, (Text(text, source=url),), options=options, examples=_EXAMPLES)
    said = next(iter(facts.sentences("".join(pieces))), "")
    return said if _is_light(said, text, language) else ""


def _is_light(said: str, text: str, language: str) -> bool:
    return (
        facts.is_whole(said)
        and facts.length(said) <= MOST_WORDS
        and not facts.figures(said)
        and not facts.unsupported(said, text)
        and facts.strangeness(said, text) > 0.5
        and all(facts.strangeness(said, answer) > facts.STRANGE for _, answer in _EXAMPLES)
        and languages.detect(said) in ("", language)
    )

"""The humour of a brochure: a light remark after what the pages say, which itself states nothing.

The facts stay as they were checked. A remark has no figure, and no name that its section has not.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

from .. import facts
from ..messages import ResponseFormat, Text
from . import languages
from .asking import Asker

MOST_WORDS = 20
MOST_THINGS = 4
"""Things that a section is asked for: further ones are verbs as often as not."""
BEST = 2
"""Of these, so many of the longest are kept: verbs are short, and so is what every page names."""
DEALT = 3
"""Forms that are offered for one remark: of all of them a model takes the same ones first."""

_FREE = (
    (
        "Our 12 drivers deliver bread before five in the morning.",
        "Their alarm clocks want a raise.",
    ),
    ("The mill sells 31 kinds of herbal tea.", "Coffee was not available for comment."),
    ("Everybody gets 28 days of holiday.", "The office plants have agreed to keep watch."),
)
_LISTED = (
    (
        "Otto & Sons was founded by Ann Bell in a barn near Hull in 1931. Its 12 drivers deliver "
        "warm bread before five in the morning, from a van with one headlight.",
        '["barn", "drivers", "warm bread", "van", "headlight"]',
    ),
    (
        "Die Bäckerei Ott in Hof backt Brot für zwei Schulen und hat einen Hund im Büro.",
        '["Brot", "Schulen", "Hund", "Büro"]',
    ),
    (
        "Nous vendons des chaussettes en laine et un savon à la lavande.",
        '["chaussettes en laine", "savon", "lavande"]',
    ),
)
_CHOSEN = (
    ("We rent out two boats and a diving bell.", "Please do not feed the “diving bell”."),
    (
        "Everybody gets 28 days of holiday and a key to the roof.",
        "Nobody tell the pigeons about the “key to the roof”.",
    ),
)
_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_SHAPES = [
    re.compile(rf"(?<![\w'’-])(?=({shape})(?![\w'’-]))")
    for shape in (_WORD, f"{_WORD} {_WORD}", rf"{_WORD} [^\W\d_]{{1,3}} {_WORD}")
]
"""One word, two, or two about a short one, wherever they stand."""


class Remarks:
    """The remarks of one brochure.

    A model that is not small says what it likes, and what states something is dropped. The remarks
    of a small one would be flat or false, so it invents nothing: it names things of a section and
    chooses among forms (`remarks.toml`) that are filled with them. No form and no thing comes
    twice.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._used: set[str] = set()
        self._wordless = False

    def remark(self, text: str, language: str, url: str) -> str:
        """A remark about a section, in its language (a code); empty where there is none."""
        how = self._chosen if self._asker.small else self._free
        return how(text, language, url)

    def notes(self) -> tuple[str, ...]:
        if not self._wordless:
            return ()
        known = ", ".join(map(languages.name, _forms()))
        return (
            f"Light remarks are missing: a model this small makes them in {known} alone. A larger "
            "one can be named with -m.",
        )

    def _free(self, text: str, language: str, url: str) -> str:
        system = (
            "You answer each message with one short, light-hearted remark"
            f"{f' in {languages.name(language)}' if language else ''}. "
            "You state no facts, figures or names."
        )
        reply = self._ask(system, text, url, _FREE, 3 * MOST_WORDS)
        said = next(iter(facts.sentences(reply)), "")
        return said if _is_light(said, text, language) else ""

    def _chosen(self, text: str, language: str, url: str) -> str:
        self._wordless |= language not in _forms()
        forms = [form for form in _forms().get(language, ()) if form not in self._used]
        if not forms or not (things := self._things(text, language, url)):
            return ""
        filled = {
            form.format(*slots): {form, *slots}
            for form in Random(text).sample(forms, min(DEALT, len(forms)))
            for slots in permutations(things, 1 + ("{1}" in form))
        }
        system = "You answer each message with a funny remark about a thing in it, as JSON."
        schema = {"type": "string", "enum": list(filled)}
        said = self._ask(system, text, url, _CHOSEN, 5 * MOST_WORDS, schema).strip('"')
        if said not in filled:
            return ""
        self._used |= filled[said]
        return said

    def _things(self, text: str, language: str, url: str) -> list[str]:
        known = [one for one in phrases(text, language) if one not in self._used]
        if not known:
            return []
        system = "You list the things that a text names, in its own words, as JSON."
        items = {"type": "string", "enum": known}
        schema = {"type": "array", "items": items, "maxItems": MOST_THINGS}
        reply = self._ask(system, text, url, _LISTED, 20 * MOST_THINGS, schema)
        named = [one for one in dict.fromkeys(re.findall('"([^"]+)"', reply)) if one in known]
        return sorted(named, key=len)[-BEST:]

    def _ask(
        self,
        system: str,
        text: str,
        url: str,
        examples: tuple[tuple[str, str], ...],
        most: int,
        schema: dict[str, Any] | None = None,
    ) -> str:
        options = replace(self._asker.options, max_tokens=most)
        parts = (Text(text, source=url),)
        form = ResponseFormat(schema, name="remark") if schema else None
        shown = [((Text(asked),), answered) for asked, answered in examples]
        pieces = self._asker.stream(system, parts, options=options, examples=shown, form=form)
        return "".join(pieces)


def phrases(text: str, language: str) -> list[str]:
    """What of a text may be a thing: one to three words in small letters, since a name is no joke.
    In German, which writes every noun as others write names, a noun beside no other and behind no
    word that stands before places."""
    if language == "de":
        beside = r"\b([A-ZÄÖÜ]\w*|in|aus|nach|von|zwischen|bei) {0}\b|\b{0} [A-ZÄÖÜ]"
        found = [
            name
            for name in facts.names(text)
            if name.isalpha() and name.istitle() and len(name) > 2
        ]
        return [one for one in dict.fromkeys(found) if not re.search(beside.format(one), text)]
    small = languages.small_words(language)
    found = [one for shape in _SHAPES for one in shape.findall(text) if one.islower()]
    ends = {one: {one.split()[0], one.split()[-1]} for one in found}
    return [one for one in ends if not ends[one] & small and min(map(len, ends[one])) > 2]


@cache
def _forms() -> dict[str, list[str]]:
    """The forms of remarks by the code of their language."""
    import tomllib

    return tomllib.loads(Path(__file__).with_name("remarks.toml").read_text("utf-8"))


def _is_light(said: str, text: str, language: str) -> bool:
    return (
        facts.is_whole(said)
        and facts.length(said) <= MOST_WORDS
        and not facts.figures(said)
        and not facts.unsupported(said, text)
        and facts.strangeness(said, text) > 0.5
        and all(facts.strangeness(said, answer) > facts.STRANGE for _, answer in _FREE)
        and languages.detect(said) in ("", language)
    )

"""Text said in another language, sentence by sentence, and checked: a translation has the figures
of its sentence and most of its names, and little of its words. Where one sentence fails, all of the
text stays as it was, rather than half of it."""

from __future__ import annotations

import re
from dataclasses import replace

from .. import facts
from ..messages import Text
from . import languages
from .asking import Asker

LEFT_OVER = 0.2
"""The share of the longer words in small letters that a translation may have as they were."""
# Shown as a turn that was answered: without it a small model copies the sentence, or the lines
# around it. It is about nothing that companies write of, so that a word taken over is noticed.
_EXAMPLES = {
    "en": "The rain stopped in the night.",
    "de": "Der Regen hörte in der Nacht auf.",
    "fr": "La pluie a cessé dans la nuit.",
    "es": "La lluvia cesó durante la noche.",
    "it": "La pioggia cessò durante la notte.",
    "pt": "A chuva parou durante a noite.",
    "nl": "De regen hield in de nacht op.",
}
_MILLION = re.compile(r"\bmil(?:l?i?[oó]n|h[ãõ]|joen)", re.I)
"""In each of these languages: what small models make a thousand times as much of."""


class Translator:
    """Translates what was said of pages into `target`, a code; empty for no translation. `failed`
    counts the texts left as they were."""

    def __init__(self, asker: Asker, target: str) -> None:
        self.failed = 0
        self._asker = asker
        self._target = target

    def translates(self, source: str) -> bool:
        """Whether a text in the language `source` (a code; empty: not known) is to be changed."""
        return self._target not in ("", source)

    def translated(self, text: str, source: str, url: str) -> str:
        """`text`, which is in the language `source`, in the other language; as it was where the
        translation of one of its sentences fails."""
        if not self.translates(source):
            return text
        said = []
        for sentence in facts.sentences(text):
            reply = " ".join(self._ask(sentence, source, url).split())
            if not _holds(sentence, reply, source, self._target):
                self.failed += 1
                return text
            said.append(reply)
        return " ".join(said)

    def notes(self) -> tuple[str, ...]:
        if not self.failed:
            return ()
        what = "One passage stands" if self.failed == 1 else f"{self.failed} passages stand"
        return (f"{what} in the language of the page: the translation failed its check.",)

    def _ask(self, sentence: str, source: str, url: str) -> str:
        system = (
            f"You are a translator. Translate every message from "
            f"{languages.name(source) or 'its language'} into {languages.name(self._target)}. "
            "Keep figures and names."
        )
        asked, answered = _EXAMPLES.get(source), _EXAMPLES.get(self._target)
        options = replace(self._asker.options, max_tokens=len(sentence.encode()) // 2 + 30)
        pieces = self._asker.stream(
            system,
            (Text(sentence, source=url),),
            options=options,
            examples=((asked, answered),) if asked and answered else (),
        )
        return "".join(pieces)


def _holds(sentence: str, reply: str, source: str, target: str) -> bool:
    """Whether a reply can pass for the translation of a sentence in the language `source`."""
    if len(reply) > 2 * len(sentence) + 20 or 2 * facts.length(reply) < facts.length(sentence):
        return False
    if set(facts.figures(reply)) != set(facts.figures(sentence)):
        return False
    if source and languages.detect(reply) == source:
        return False
    words, own = set(facts.words(reply)), set(facts.words(sentence))
    if source in _EXAMPLES and target in _EXAMPLES:
        if bool(_MILLION.search(reply)) != bool(_MILLION.search(sentence)):
            return False
        taken = words & _long(_EXAMPLES[target])
        if taken and not own & _long(_EXAMPLES[source]):
            return False
    # German writes every noun as others write names.
    names = set() if source == "de" else set(facts.names(sentence))
    kept = sum(set(facts.words(name)) <= words for name in names)
    plain = {word for word in re.findall(r"[^\W\d_]{4,}", sentence) if word.islower()}
    return 2 * kept >= len(names) and len(plain & words) <= LEFT_OVER * len(plain)


def _long(text: str) -> set[str]:
    return {word for word in facts.words(text) if len(word) > 3}

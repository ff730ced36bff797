"""Sentences said in another language, one by one, and checked: a translation has the figures of
its sentence and most of its names, and little of its words."""

from __future__ import annotations

from dataclasses import replace

from .. import facts
from ..messages import Text
from . import languages
from .asking import Asker

LEFT_OVER = 0.25
"""The share of the longer words, names left out, that a translation may have as they were."""
# Shown as a turn that was answered: without it a small model copies the sentence, or the lines
# around it. There is no figure and no name in it that could be taken over.
_EXAMPLES = {
    "en": "The shop stays open in the evening.",
    "de": "Das Geschäft bleibt am Abend geöffnet.",
    "fr": "Le magasin reste ouvert le soir.",
    "es": "La tienda permanece abierta por la tarde.",
    "it": "Il negozio resta aperto la sera.",
    "pt": "A loja fica aberta à noite.",
    "nl": "De winkel blijft 's avonds open.",
}


class Translator:
    """Translates what was said of pages into `target`, a code; empty for no translation. `failed`
    counts the sentences left as they were."""

    def __init__(self, asker: Asker, target: str) -> None:
        self.failed = 0
        self._asker = asker
        self._target = target

    def translated(self, text: str, source: str, url: str) -> str:
        """The sentences of `text`, which is in the language `source` (empty: not known), in the
        other language; one that fails stays as it is."""
        if self._target in ("", source):
            return text
        said = []
        for sentence in facts.sentences(text):
            reply = " ".join(self._ask(sentence, source, url).split())
            good = _holds(sentence, reply, source)
            self.failed += not good
            said.append(reply if good else sentence)
        return " ".join(said)

    def notes(self) -> tuple[str, ...]:
        if not self.failed:
            return ()
        what = "One sentence stands" if self.failed == 1 else f"{self.failed} sentences stand"
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


def _holds(sentence: str, reply: str, source: str) -> bool:
    """Whether a reply can pass for the translation of a sentence in the language `source`."""
    if len(reply) > 2 * len(sentence) + 20 or 2 * facts.length(reply) < facts.length(sentence):
        return False
    if set(facts.figures(reply)) != set(facts.figures(sentence)):
        return False
    if source and languages.detect(reply) == source:
        return False
    words = set(facts.words(reply))
    # German writes every noun as others write names.
    names = set() if source == "de" else set(facts.names(sentence))
    kept = sum(set(facts.words(name)) <= words for name in names)
    plain = {w for w in facts.words(sentence) if len(w) > 3} - {name.lower() for name in names}
    return 2 * kept >= len(names) and len(plain & words) <= LEFT_OVER * len(plain)

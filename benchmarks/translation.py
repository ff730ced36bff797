"""How many sentences of pages pass as translated by the models that run here?

The sentences are of the sites of the tests with which the way was not chosen: the first one of each
of their first paragraphs. What was said is printed, to be read for its sense.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import web_sites
from pellucid import facts
from pellucid.models.names import open_model
from pellucid.web.asking import Asker
from pellucid.web.translate import Translator

from .measure import Row, table

CHOSEN_WITH = ("Larkfield Instruments", "Bramble & Finch", "Heliomar Energy", "Tessellate Robotics")
FROM_ENGLISH = ("de", "fr", "es")
EACH = 4
"""Sentences of a site."""


def run() -> str:
    rows = [row for name in ("large", "local") for row in _rows(name)]
    return table("Sentences translated, of sites with which the way was not chosen", rows)


def _rows(name: str) -> list[Row]:
    rows = []
    for (source, target), sentences in _pairs().items():
        asker = Asker(open_model(name), store=None)
        translator = Translator(asker, target)
        began = time.perf_counter()
        for sentence in sentences:
            said = translator.translated(sentence, source, "https://site.example/")
            print(f"{name} {source} {target}: {sentence}\n  {said}", file=sys.stderr, flush=True)
        seconds = (time.perf_counter() - began) / len(sentences)
        passed = f"{translator.done} of {len(sentences)}, {seconds:.1f} s each"
        rows.append(Row(f"{source} → {target}, {asker.model.name}", passed))
    return rows


def _pairs() -> dict[tuple[str, str], list[str]]:
    """What is translated, by the codes of both languages."""
    found: dict[tuple[str, str], list[str]] = {}
    for site in web_sites.load().values():
        blocks = [block for block in site.article_text.split("\n\n") if facts.length(block) > 12]
        firsts = [facts.sentences(block)[0] for block in blocks[:EACH]]
        if site.name not in CHOSEN_WITH:
            for target in FROM_ENGLISH if site.language == "en" else ("en",):
                found.setdefault((site.language, target), []).extend(firsts)
    return found
